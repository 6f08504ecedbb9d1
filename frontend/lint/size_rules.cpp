// Rules of lint on sizes: of images, filters, strides and pooling.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "frontend/lint/subject.h"
#include "ir/window.h"

namespace kiln::frontend {
namespace {

struct Sliding {
  std::string kind; // field of the layer
  std::array<ir::WindowAxis, 2> axes;
  bool is_pool = false;
};

template <class Message>
Sliding slide(const Message& message, const char* kind, const ir::Dims& dims, bool is_pool, ir::Rounding rounding) {
  Sliding sliding{kind, {}, is_pool};
  for (int i = 0; i < 2; ++i)
    sliding.axes[static_cast<size_t>(i)] = {
        dims[static_cast<size_t>(2 + i)], message.kernel(i),   message.stride(i), message.padding(i),
        message.padding(2 + i),           message.dilation(i), rounding};
  return sliding;
}

template <class Pool> Sliding slide_pool(const Pool& pool, const char* kind, const ir::Dims& dims) {
  return slide(pool, kind, dims, true, pool.rounding() == proto::CEIL ? ir::Rounding::ceil : ir::Rounding::floor);
}

// Its spelt-out fields are as resolving leaves them.
std::optional<Sliding> sliding_of(const LintLayer& own) {
  const ir::Dims& dims = own.input_dims;
  if (dims.size() != 4) return std::nullopt;
  const proto::Layer& layer = own.layer;
  if (layer.has_convolution()) return slide(layer.convolution(), "convolution", dims, false, ir::Rounding::floor);
  if (layer.has_depthwise_convolution())
    return slide(layer.depthwise_convolution(), "depthwise_convolution", dims, false, ir::Rounding::floor);
  if (layer.has_max_pool()) return slide_pool(layer.max_pool(), "max_pool", dims);
  if (layer.has_average_pool()) return slide_pool(layer.average_pool(), "average_pool", dims);
  return std::nullopt;
}

// Of the source's last rows, which no window sees.
int64_t unseen(const ir::WindowAxis& axis) {
  if (axis.stride > axis.extent()) return 0; // gaps are stated
  const int64_t seen = axis.start(axis.output() - 1) + axis.extent();
  return std::max<int64_t>(axis.input - seen, 0);
}

constexpr const char* kSides[] = {"rows", "columns"};

} // namespace

void rows_dropped(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    const auto sliding = sliding_of(own);
    if (!sliding) continue;
    for (size_t i = 0; i < 2; ++i) {
      const ir::WindowAxis& axis = sliding->axes[i];
      const int64_t dropped = unseen(axis);
      if (dropped == 0) continue;
      subject.say(own, sliding->kind + ".stride",
                  fmt::format("of {} {}, {} at the end {} seen by no window", axis.input, kSides[i], dropped,
                              dropped == 1 ? "is" : "are"),
                  fmt::format("another size of image, or {} more of padding at the end", axis.stride - dropped));
      break; // of a square image both say the same
    }
  }
}

void input_side(LintSubject& subject) {
  for (const int64_t side : {subject.data.height, subject.data.width}) {
    const bool is_power = side > 0 && (side & (side - 1)) == 0;
    if (side == 0 || is_power || side % 32 == 0) continue;
    subject.say("data.image", fmt::format("images of side {} do not halve down to a few pixels", side),
                fmt::format("images of side {}, or padding", (side + 31) / 32 * 32));
    return;
  }
}

void large_filter(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    const auto sliding = sliding_of(own);
    if (!sliding || sliding->is_pool) continue;
    const int64_t side = std::max(sliding->axes[0].kernel, sliding->axes[1].kernel);
    // The first layer may take in much at once of a large image.
    const bool is_first = !own.inputs.empty() && own.inputs.front() < 0;
    const int64_t image = std::max(sliding->axes[0].input, sliding->axes[1].input);
    if (side <= 3 || (is_first && image >= 128 && side <= 11)) continue;
    subject.say(own, sliding->kind + ".kernel",
                fmt::format("a filter of side {}; {} of side 3 see as much", side, side / 2),
                "kernel: 3 padding: 1, in a row");
  }
}

void shrinking_filter(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    const auto sliding = sliding_of(own);
    if (!sliding || sliding->is_pool) continue;
    const ir::WindowAxis& axis = sliding->axes[0];
    if (axis.stride != 1 || axis.kernel == 1 || axis.output() >= axis.input) continue;
    subject.say(own, sliding->kind,
                fmt::format("{} rows become {}: its padding does not preserve the size", axis.input, axis.output()),
                fmt::format("padding: {}", axis.extent() / 2));
  }
}

void large_pool(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    const auto sliding = sliding_of(own);
    if (!sliding || !sliding->is_pool) continue;
    const ir::WindowAxis& axis = sliding->axes[0];
    // Over the whole map it takes the place of a dense layer.
    if (axis.kernel <= 3 || axis.stride == 1 || axis.output() == 1) continue;
    subject.say(own, sliding->kind + ".kernel", fmt::format("it pools over windows of side {}", axis.kernel),
                "kernel: 2");
  }
}

} // namespace kiln::frontend
