// Conv: to conv2d and bias.
// A row of values is an image one high.
#include "frontend/onnx/window.h"
#include "ir/ops/bias.h"
#include "ir/ops/conv2d.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {

void import_conv(NodeImport& node) {
  node.expect_inputs(2, 3);
  const ir::Dims image = image_dims(node.dims(), "its input");
  if (node.rank(1) != node.rank())
    refuse_invalid(fmt::format("its weights have rank {}, its input {}", node.rank(1), node.rank()));
  const ir::Dims weights = image_dims(node.dims(1), "its weights");
  const WindowAttributes window = take_window(node, ir::Size2{weights[2], weights[3]});
  const int64_t group = node.integer("group", 1);
  if (group < 1 || image[1] != weights[1] * group || weights[0] % group != 0)
    refuse_invalid(fmt::format("its input has {} channels, its weights are [{}] and group is {}", image[1],
                               fmt::join(node.dims(1), ","), group));
  ir::Conv2d::Attributes attributes;
  attributes.stride = window.stride;
  attributes.pad = window.pad;
  attributes.dilation = window.dilation;
  attributes.group = group;
  ir::Value* result =
      &node.create<ir::Conv2d>(attributes, {&node.reshape(node.input(), image), &node.reshape(node.input(1), weights)});
  if (node.has_input(2)) result = &node.create<ir::Bias>({}, {result, &node.input(2)});
  const ir::Dims dims = spatial_dims(result->type.dims, node.rank());
  node.output(0, node.reshape(*result, dims), dims);
}

} // namespace kiln::frontend::onnx
