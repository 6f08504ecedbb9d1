// ConvTranspose: to conv_transpose2d and bias.
// Its weights are [in, out / group, ...], those of the convolution that it runs backwards.
// A row of values is an image one high.
#include "frontend/onnx/window.h"
#include "ir/ops/bias.h"
#include "ir/ops/conv_transpose2d.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {

void import_conv_transpose(NodeImport& node) {
  node.expect_inputs(2, 3);
  const int64_t rank = node.rank();
  const ir::Dims image = image_dims(node.dims(), "its input");
  if (node.rank(1) != rank) refuse_invalid(fmt::format("its weights have rank {}, its input {}", node.rank(1), rank));
  const ir::Dims weights = image_dims(node.dims(1), "its weights");
  const int64_t group = node.integer("group", 1);
  if (group < 1 || image[1] != weights[0] || image[1] % group != 0)
    refuse_invalid(fmt::format("its input has {} channels, its weights are [{}] and group is {}", image[1],
                               fmt::join(node.dims(1), ","), group));
  const ir::Size2 kernel{weights[2], weights[3]};
  if (const auto shape = node.integers("kernel_shape"))
    if (take_pair(*shape, rank, "kernel_shape", 1, 1) != kernel)
      refuse_invalid(fmt::format("its kernel_shape is [{}], its weights are [{}]", fmt::join(*shape, ","),
                                 fmt::join(node.dims(1), ",")));
  const std::vector<int64_t> ones(static_cast<size_t>(rank) - 2, 1), zeros(static_cast<size_t>(rank) - 2, 0);
  const ir::Size2 stride = take_pair(node.integers("strides").value_or(ones), rank, "strides", 1, 1);
  const ir::Size2 dilation = take_pair(node.integers("dilations").value_or(ones), rank, "dilations", 1, 1);
  const ir::Size2 extra = take_pair(node.integers("output_padding").value_or(zeros), rank, "output_padding", 0, 0);

  // Of each axis without padding: what the input reaches. The padding cuts it down to the output.
  ir::Size2 full{}, output{}, cut{};
  std::optional<std::vector<int64_t>> stated = node.integers("output_shape");
  // Some exporters state batch and channels too.
  if (stated && static_cast<int64_t>(stated->size()) == rank) stated->erase(stated->begin(), stated->begin() + 2);
  for (size_t axis = 0; axis < 2; ++axis) {
    full[axis] = (image[axis + 2] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1 + extra[axis];
    output[axis] = image[axis + 2] * stride[axis]; // under auto_pad SAME
  }
  if (stated) output = take_pair(*stated, rank, "output_shape", 1, 1);
  for (size_t axis = 0; axis < 2; ++axis) cut[axis] = full[axis] - output[axis];
  std::array<int64_t, 4> pad{};
  if (stated) {
    // ONNX: the larger half goes to the end only under SAME_UPPER. Where the output is larger than what the input
    // reaches, its end stays zero.
    const bool is_upper = node.text("auto_pad", "NOTSET") == "SAME_UPPER";
    node.ignore("pads"); // worked out anew
    for (size_t axis = 0; axis < 2; ++axis) {
      const int64_t total = std::max<int64_t>(cut[axis], 0);
      pad[axis] = is_upper ? total / 2 : total - total / 2;
      pad[axis + 2] = total - pad[axis];
    }
  } else {
    pad = take_padding(node, {std::max<int64_t>(cut[0], 0), std::max<int64_t>(cut[1], 0)});
    for (size_t axis = 0; axis < 2; ++axis) output[axis] = full[axis] - pad[axis] - pad[axis + 2];
  }
  if (output[0] < 1 || output[1] < 1) refuse_invalid("its padding leaves nothing of the output");

  ir::ConvTranspose2d::Attributes attributes;
  attributes.stride = stride;
  attributes.pad = pad;
  attributes.dilation = dilation;
  attributes.group = group;
  attributes.dst_size = output;
  ir::Value* result = &node.create<ir::ConvTranspose2d>(
      attributes, {&node.reshape(node.input(), image), &node.reshape(node.input(1), weights)});
  if (node.has_input(2)) result = &node.create<ir::Bias>({}, {result, &node.input(2)});
  const ir::Dims dims = spatial_dims(result->type.dims, rank);
  node.output(0, node.reshape(*result, dims), dims);
}

} // namespace kiln::frontend::onnx
