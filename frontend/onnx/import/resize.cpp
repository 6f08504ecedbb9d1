// Resize, Upsample: to resize where it is by the nearest element or linear, to products with matrices where it is
// cubic. A result's place on the source is a fraction of whole numbers, so that which element is nearest hangs on no
// rounding.
#include "ir/ops/resize.h"
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"
#include "frontend/onnx/tensors.h"
#include "ir/ops/dense.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {
namespace {

// A scale as it is meant: result elements / source elements.
struct Ratio {
  int64_t numerator = 1;
  int64_t denominator = 1;

  bool is_one() const { return numerator == denominator; }
};

// Exactly the number, which was a float.
Ratio ratio_of(double scale) {
  constexpr double most = 1 << 20;
  if (!(scale >= 1 / most && scale <= most)) refuse_unsupported(fmt::format("one of its scales is {}", scale));
  Ratio ratio;
  int exponent = 0;
  double fraction = std::frexp(scale, &exponent); // scale = fraction 2^exponent
  for (; fraction != std::trunc(fraction); fraction *= 2) --exponent;
  ratio.numerator = static_cast<int64_t>(fraction) << std::max(exponent, 0);
  ratio.denominator = int64_t{1} << std::max(-exponent, 0);
  return ratio;
}

// One axis of the source. Result o lies at (step o + offset) / denominator.
struct Axis {
  int64_t input = 1;
  int64_t output = 1;
  Ratio scale;

  std::array<int64_t, 3> line(const std::string& coordinates) const {
    const auto [p, q] = scale; // o q / p, and half of a source element is p / 2 p
    std::array<int64_t, 3> result{};
    if (coordinates == "asymmetric")
      result = {q, 0, p};
    else if (coordinates == "half_pixel" || (coordinates == "pytorch_half_pixel" && output > 1))
      result = {2 * q, q - p, 2 * p};
    else if (coordinates == "pytorch_half_pixel")
      result = {0, 0, 1};
    else if (coordinates == "align_corners")
      result = output == 1 ? std::array<int64_t, 3>{0, 0, 1} : std::array<int64_t, 3>{input - 1, 0, output - 1};
    else if (coordinates == "tf_half_pixel_for_nn")
      result = {2 * q, q, 2 * p};
    else
      refuse_unsupported(fmt::format("its coordinate_transformation_mode is {}", coordinates));
    return reduced(result);
  }

  // The largest factor is taken out, so that numbers stay small.
  static std::array<int64_t, 3> reduced(std::array<int64_t, 3> line) {
    const int64_t factor = std::gcd(std::gcd(line[0], line[1]), line[2]);
    for (int64_t& number : line) number /= factor;
    return line;
  }
};

// The line whose floor is the element that is nearest to a place, by the given rule.
std::array<int64_t, 3> nearest_line(const std::array<int64_t, 3>& line, const std::string& rule) {
  const auto [step, offset, q] = line;
  if (rule == "floor") return line;
  if (rule == "ceil") return {step, offset + q - 1, q};
  if (rule == "round_prefer_ceil") return Axis::reduced({2 * step, 2 * offset + q, 2 * q});
  if (rule == "round_prefer_floor") return {2 * step, 2 * offset + q - 1, 2 * q};
  refuse_invalid(fmt::format("its nearest_mode is {}", rule));
}

// A row per result: the weights of the elements of the source, four of them around its place.
std::vector<double> cubic_matrix(const Axis& axis, const std::array<int64_t, 3>& line, double a, bool leaves_out) {
  const auto weight = [a](double distance) {
    const double d = std::abs(distance);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0.0;
  };
  std::vector<double> matrix(static_cast<size_t>(axis.output * axis.input), 0);
  for (int64_t o = 0; o < axis.output; ++o) {
    const double place = static_cast<double>(o * line[0] + line[1]) / static_cast<double>(line[2]);
    const auto below = static_cast<int64_t>(std::floor(place));
    double sum = 0;
    for (int64_t i = below - 1; i <= below + 2; ++i) {
      if (leaves_out && (i < 0 || i >= axis.input)) continue;
      const double own = weight(place - static_cast<double>(i));
      const int64_t element = std::clamp<int64_t>(i, 0, axis.input - 1);
      matrix[static_cast<size_t>(o * axis.input + element)] += own;
      sum += own;
    }
    if (leaves_out)
      for (int64_t i = 0; i < axis.input; ++i) matrix[static_cast<size_t>(o * axis.input + i)] /= sum;
  }
  return matrix;
}

// The last dim multiplied by a matrix.
ir::Value& multiply_rows(NodeImport& node, ir::Value& src, const Axis& axis, std::vector<double> matrix,
                         std::string_view role) {
  ir::Dims dims = src.type.dims;
  ir::Value& rows = node.reshape(src, {src.type.elements() / dims.back(), dims.back()});
  ir::Value& weights = node.constant_tensor({axis.output, axis.input}, std::move(matrix), role);
  dims.back() = axis.output;
  return node.reshape(node.create<ir::Dense>({}, {&rows, &weights}), dims);
}

struct Sizes {
  std::vector<Axis> axes;
  ir::Dims dims; // of the result
};

// From scales or sizes, one for each dim.
Sizes take_sizes(NodeImport& node) {
  std::vector<double> scales;
  std::vector<int64_t> sizes;
  if (node.op_type() == "Upsample" && node.version < 9) {
    node.expect_inputs(1, 1);
    scales = node.reals("scales").value_or(scales);
  } else if (node.version < 11) { // Upsample-9, Resize-10
    node.expect_inputs(2, 2);
    scales = node.constant(1, "scales").numbers();
  } else {
    node.expect_inputs(1, 4);
    if (node.has_input(2)) scales = node.constant(2, "scales").numbers();
    if (node.has_input(3)) sizes = node.integers(3, "sizes");
  }
  const ir::Dims& dims = node.dims();
  if (scales.empty() == sizes.empty()) refuse_invalid("it must have scales or sizes, not both");
  if (std::max(scales.size(), sizes.size()) != dims.size())
    refuse_invalid(fmt::format("it has {} {}, its input has rank {}", std::max(scales.size(), sizes.size()),
                               scales.empty() ? "sizes" : "scales", dims.size()));
  Sizes result;
  for (size_t i = 0; i < dims.size(); ++i) {
    Axis axis{dims[i], 1, {}};
    if (scales.empty()) {
      axis.output = sizes[i];
      axis.scale = {sizes[i], dims[i]};
    } else {
      axis.scale = ratio_of(scales[i]);
      axis.output = static_cast<int64_t>(std::floor(static_cast<double>(dims[i]) * scales[i]));
    }
    constexpr int64_t most = int64_t{1} << 20;
    if (axis.output < 1 || axis.output > most)
      refuse_unsupported(fmt::format("dim {} of its result is {}", i, axis.output));
    result.axes.push_back(axis);
    result.dims.push_back(axis.output);
  }
  return result;
}

// All but the last two dims stay as they are.
Axis last_axis(const Sizes& sizes, size_t from_end) {
  return sizes.axes.size() < from_end ? Axis() : sizes.axes[sizes.axes.size() - from_end];
}

} // namespace

void import_resize(NodeImport& node) {
  const Sizes sizes = take_sizes(node);
  const bool is_old = node.version < 11; // and Upsample: there are no conventions to choose from
  const std::string mode = node.text("mode", "nearest");
  const std::string coordinates = is_old ? "asymmetric" : node.text("coordinate_transformation_mode", "half_pixel");
  const std::string rule = is_old ? "floor" : node.text("nearest_mode", "round_prefer_floor");
  const double cubic_a = is_old ? 0 : node.real("cubic_coeff_a", -0.75);
  const bool leaves_out = !is_old && node.integer("exclude_outside", 0) != 0;
  if (!is_old) node.ignore("extrapolation_value"); // of tf_crop_and_resize alone
  if (node.version >= 18) {
    if (node.has_attribute("axes")) refuse_unsupported("it has axes");
    if (node.integer("antialias", 0) != 0) refuse_unsupported("its antialias is 1");
    if (node.text("keep_aspect_ratio_policy", "stretch") != "stretch")
      refuse_unsupported("its keep_aspect_ratio_policy is not stretch");
  }

  const Axis rows = last_axis(sizes, 2);
  const Axis columns = last_axis(sizes, 1);
  for (size_t i = 0; i + 2 < sizes.axes.size(); ++i)
    if (!sizes.axes[i].scale.is_one())
      refuse_unsupported(fmt::format("it resizes dim {}, and not the last two dims alone", i));
  const ir::Dims image{1, node.input().type.elements() / (rows.input * columns.input), rows.input, columns.input};
  ir::Value* result = &node.reshape(node.input(), image);
  const auto row_line = rows.line(coordinates);
  const auto column_line = columns.line(coordinates);
  if (mode == "cubic") {
    result = &multiply_rows(node, *result, columns, cubic_matrix(columns, column_line, cubic_a, leaves_out), "columns");
    result = &transpose(node, *result, {0, 1, 3, 2});
    result = &multiply_rows(node, *result, rows, cubic_matrix(rows, row_line, cubic_a, leaves_out), "rows");
    result = &transpose(node, *result, {0, 1, 3, 2});
  } else if (mode == "nearest" || mode == "linear" || (mode == "bilinear" && is_old)) {
    const bool is_nearest = mode == "nearest";
    if (leaves_out && !is_nearest) refuse_unsupported("its exclude_outside is 1 and its mode linear");
    ir::Resize::Attributes attributes;
    attributes.mode = is_nearest ? ir::ResizeMode::nearest : ir::ResizeMode::bilinear;
    attributes.size = {rows.output, columns.output};
    attributes.rows = is_nearest ? nearest_line(row_line, rule) : row_line;
    attributes.columns = is_nearest ? nearest_line(column_line, rule) : column_line;
    result = &node.create<ir::Resize>(attributes, {result});
  } else {
    refuse_invalid(fmt::format("its mode is {}", mode));
  }
  node.output(0, node.reshape(*result, ir_dims(sizes.dims)), sizes.dims);
}

} // namespace kiln::frontend::onnx
