// resize: its message to the op of that name.
// Coordinates and roundings of every convention are one line in whole numbers.
#include "frontend/import/resize.h"

#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "frontend/import/window.h"
#include "ir/ops/resize.h"

namespace kiln::frontend {
namespace {

constexpr int64_t kMost = int64_t{1} << 20;    // of a ratio's numbers
constexpr int64_t kLargest = int64_t{1} << 24; // side of an image

struct Line {
  int64_t step, offset, denominator;
};

Line line_of(proto::ResizeLayer::Coordinates coordinates, int64_t input, int64_t output, const Ratio& factor) {
  switch (coordinates) {
  case proto::ResizeLayer::HALF_PIXEL: // (o + 1/2) / factor - 1/2
    return {2 * factor.denominator, factor.denominator - factor.numerator, 2 * factor.numerator};
  case proto::ResizeLayer::ALIGN_CORNERS:
    return {input - 1, 0, std::max<int64_t>(output - 1, 1)};
  case proto::ResizeLayer::ASYMMETRIC:
    return {factor.denominator, 0, factor.numerator};
  }
  return {1, 0, 1};
}

// So that the whole part of what the line gives is the nearest pixel.
Line rounded(const Line& line, proto::ResizeLayer::Nearest nearest) {
  const auto& [step, offset, denominator] = line;
  switch (nearest) {
  case proto::ResizeLayer::DOWN:
    return line;
  case proto::ResizeLayer::UP:
    return {step, offset + denominator - 1, denominator};
  case proto::ResizeLayer::ROUND_PREFER_FLOOR: // the ceiling of what lies 1/2 lower
    return {2 * step, 2 * offset + denominator - 1, 2 * denominator};
  case proto::ResizeLayer::ROUND_PREFER_CEIL:
    return {2 * step, 2 * offset + denominator, 2 * denominator};
  }
  return line;
}

} // namespace

std::optional<Ratio> ratio_of(double factor) {
  if (!(factor > 1.0 / static_cast<double>(kMost) && factor < static_cast<double>(kMost))) return std::nullopt;
  // Convergents of the continued fraction.
  Ratio before{0, 1}, ratio{1, 0};
  for (double rest = factor;;) {
    const auto whole = static_cast<int64_t>(rest);
    const Ratio next{whole * ratio.numerator + before.numerator, whole * ratio.denominator + before.denominator};
    if (next.numerator > kMost || next.denominator > kMost) return ratio;
    before = std::exchange(ratio, next);
    const double error = static_cast<double>(ratio.numerator) / static_cast<double>(ratio.denominator) / factor - 1;
    if (std::abs(error) < 1e-7) return ratio;
    rest = 1 / (rest - static_cast<double>(whole));
    if (!(rest < static_cast<double>(kMost))) return ratio;
  }
}

std::array<int64_t, 3> resize_line(proto::ResizeLayer::Coordinates coordinates, proto::ResizeLayer::Method method,
                                   proto::ResizeLayer::Nearest nearest, int64_t input, int64_t output,
                                   const Ratio& factor) {
  Line line = line_of(coordinates, input, output, factor);
  if (method == proto::ResizeLayer::NEAREST) line = rounded(line, nearest);
  const int64_t common = std::gcd(std::gcd(line.step, line.offset), line.denominator);
  return {line.step / common, line.offset / common, line.denominator / common};
}

ir::Value* import_layer(const proto::ResizeLayer& resize, LayerImport& import) {
  LayerReport& report = import.report;
  const std::string at = "resize";
  ir::Size2 size{};
  std::array<Ratio, 2> factors;
  if (resize.size().empty() == resize.factor().empty()) {
    if (resize.size().empty())
      report.missing(at, "it has neither size nor factor", "factor: 2");
    else
      report.error(at, "it has both size and factor: one of them is enough");
  } else if (!resize.size().empty()) {
    size = take_size(resize.size(), at + ".size", "size", 1, report);
  } else if (resize.factor_size() != 2) {
    report.error(at + ".factor", fmt::format("factor has {} values: one (both sides) or two (height, width) are "
                                             "possible",
                                             resize.factor_size()));
  } else {
    for (int i = 0; i < 2; ++i) {
      std::optional<Ratio> ratio = ratio_of(resize.factor(i));
      if (ratio)
        factors[static_cast<size_t>(i)] = *ratio;
      else if (i == 0 || resize.factor(1) != resize.factor(0))
        report.error(fmt::format("{}.factor[{}]", at, i),
                     fmt::format("factor is {}: it must lie between 2^-20 and 2^20", resize.factor(i)));
    }
  }
  if (import.input_known()) expect_image(import);
  if (!import.ready()) return nullptr;

  const ir::Dims& dims = import.input_dims();
  ir::Resize::Attributes attributes;
  attributes.mode =
      resize.method() == proto::ResizeLayer::BILINEAR ? ir::ResizeMode::bilinear : ir::ResizeMode::nearest;
  for (size_t axis = 0; axis < 2; ++axis) {
    int64_t input = dims[axis + 2];
    if (!resize.size().empty())
      factors[axis] = {size[axis], input};
    else if (input <= kLargest)
      size[axis] = input * factors[axis].numerator / factors[axis].denominator;
    if (input > kLargest || size[axis] > kLargest) {
      report.error(
          "", fmt::format("it resizes {} rows or columns to {}: more than 2^24 are beyond all use", input, size[axis]));
      return nullptr;
    }
    if (size[axis] < 1) {
      report.error(fmt::format("{}.factor[{}]", at, axis),
                   fmt::format("factor {} leaves nothing of the input {}x{}", resize.factor(static_cast<int>(axis)),
                               dims[2], dims[3]));
      return nullptr;
    }
    (axis == 0 ? attributes.rows : attributes.columns) =
        resize_line(resize.coordinates(), resize.method(), resize.nearest(), input, size[axis], factors[axis]);
  }
  attributes.size = size;
  if (!import.check_size({dims[0], dims[1], size[0], size[1]}, "its output")) return nullptr;
  return &import.create<ir::Resize>(attributes, {&import.input()});
}

} // namespace kiln::frontend
