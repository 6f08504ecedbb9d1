// Sliding windows of convolutions and pools.
// Pads stand in ONNX as all begins, then all ends; auto_pad SAME asks for as many windows as strides fit into the
// input.
#include "frontend/onnx/window.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {

ir::Dims image_dims(const ir::Dims& dims, std::string_view what) {
  if (dims.size() == 4) return dims;
  if (dims.size() == 3) return {dims[0], dims[1], 1, dims[2]};
  const std::string message = fmt::format("{} has shape [{}]: it must have one or two dims behind batch and channels",
                                          what, fmt::join(dims, ","));
  if (dims.size() < 3) refuse_invalid(message);
  refuse_unsupported(message);
}

ir::Dims spatial_dims(const ir::Dims& image, int64_t rank) {
  return rank == 3 ? ir::Dims{image[0], image[1], image[3]} : image;
}

ir::Size2 take_pair(const std::vector<int64_t>& values, int64_t rank, std::string_view what, int64_t row,
                    int64_t least) {
  if (static_cast<int64_t>(values.size()) != rank - 2 ||
      std::any_of(values.begin(), values.end(), [&](int64_t value) { return value < least; }))
    refuse_invalid(fmt::format("its {} is [{}], expected {} value{} of at least {}", what, fmt::join(values, ","),
                               rank - 2, rank == 3 ? "" : "s", least));
  return rank == 3 ? ir::Size2{row, values[0]} : ir::Size2{values[0], values[1]};
}

std::array<int64_t, 4> take_padding(NodeImport& node, ir::Size2 same_total) {
  const std::string automatic = node.text("auto_pad", "NOTSET");
  const std::vector<int64_t> pads = node.integers("pads").value_or(std::vector<int64_t>());
  if (automatic == "NOTSET") {
    if (pads.empty()) return {0, 0, 0, 0};
    const auto spatial = static_cast<size_t>(node.rank()) - 2;
    if (pads.size() != 2 * spatial)
      refuse_invalid(fmt::format("its pads is [{}], expected {} values", fmt::join(pads, ","), 2 * spatial));
    const std::vector<int64_t> begins(pads.begin(), pads.begin() + static_cast<int64_t>(spatial));
    const std::vector<int64_t> ends(pads.begin() + static_cast<int64_t>(spatial), pads.end());
    const auto [top, left] = take_pair(begins, node.rank(), "pads", 0, 0);
    const auto [bottom, right] = take_pair(ends, node.rank(), "pads", 0, 0);
    return {top, left, bottom, right};
  }
  if (std::any_of(pads.begin(), pads.end(), [](int64_t pad) { return pad != 0; }))
    refuse_invalid(fmt::format("it has pads [{}] and auto_pad {} too", fmt::join(pads, ","), automatic));
  if (automatic == "VALID") return {0, 0, 0, 0};
  const ir::Size2 less{same_total[0] / 2, same_total[1] / 2};
  const ir::Size2 more{same_total[0] - less[0], same_total[1] - less[1]};
  if (automatic == "SAME_UPPER") return {less[0], less[1], more[0], more[1]};
  if (automatic == "SAME_LOWER") return {more[0], more[1], less[0], less[1]};
  refuse_invalid(fmt::format("its auto_pad is \"{}\", expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", automatic));
}

WindowAttributes take_window(NodeImport& node, std::optional<ir::Size2> kernel) {
  const ir::Dims image = image_dims(node.dims(), "its input");
  const int64_t rank = node.rank();
  WindowAttributes window;
  const auto kernel_shape = node.integers("kernel_shape");
  if (!kernel && !kernel_shape) refuse_invalid("it has no kernel_shape");
  window.kernel = kernel_shape ? take_pair(*kernel_shape, rank, "kernel_shape", 1, 1) : *kernel;
  if (kernel && window.kernel != *kernel)
    refuse_invalid(fmt::format("its kernel_shape is [{}], its weights are {}x{}", fmt::join(*kernel_shape, ","),
                               (*kernel)[0], (*kernel)[1]));
  if (const auto strides = node.integers("strides")) window.stride = take_pair(*strides, rank, "strides", 1, 1);
  if (const auto dilations = node.integers("dilations"))
    window.dilation = take_pair(*dilations, rank, "dilations", 1, 1);
  ir::Size2 same_total{};
  for (size_t axis = 0; axis < 2; ++axis) {
    const int64_t input = image[axis + 2];
    const int64_t windows = (input + window.stride[axis] - 1) / window.stride[axis];
    const int64_t extent = (window.kernel[axis] - 1) * window.dilation[axis] + 1;
    same_total[axis] = std::max<int64_t>((windows - 1) * window.stride[axis] + extent - input, 0);
  }
  window.pad = take_padding(node, same_total);
  return window;
}

} // namespace kiln::frontend::onnx
