// Forward convolution: a gather over the window's own taps.
#include "ir/ops/conv2d.h"

#include "codegen/emit/gather_convolution.h"
#include "codegen/emitter.h"

namespace kiln::codegen {

namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

GatherConvolution forward_gather(const ir::Node& node, const ir::Target& target) {
  const auto& attributes = node.attributes<ir::Conv2d>();
  const ir::Dims& src = node.operand(0).type.dims;
  const ir::Dims& weights = node.operand(1).type.dims;
  const ir::Dims& dst = node.result().type.dims;
  const ir::Window window = ir::window_of("conv2d", attributes, {weights[2], weights[3]}, {src[2], src[3]});

  GatherConvolution c;
  c.samples = src[0];
  c.groups = attributes.group;
  c.source_channels = weights[1];
  c.result_channels = weights[0] / attributes.group;
  c.channels = weights[0];
  c.source_block = node.kernel == ir::Kernel::blocked ? target.vector_width : 1;
  c.result_block = node.kernel == ir::Kernel::plain ? 1 : target.vector_width;
  c.source_rows = src[2];
  c.source_columns = src[3];
  c.result_rows = dst[2];
  c.result_columns = dst[3];
  c.rows = {forward_taps(window.rows)};
  c.columns = {forward_taps(window.columns)};
  // o blocks, i blocks, KH, KW, i, o: see oihw_io; ohwi_o and plain are the same with blocks of one.
  c.weight_source_channel = c.result_block;
  c.weight_column = c.source_block * c.weight_source_channel;
  c.weight_row = weights[3] * c.weight_column;
  c.weight_source_block = weights[2] * c.weight_row;
  c.weight_result_block = divide_up(c.source_channels, c.source_block) * c.weight_source_block;
  c.weight_group = divide_up(c.result_channels, c.result_block) * c.weight_result_block;
  c.epilogue = attributes.epilogue;
  if (node.kernel == ir::Kernel::depthwise)
    make_depthwise(c, weights[0], {weights[2], weights[3]}, target.vector_width);
  return c;
}

} // namespace

template <> void emit<ir::Conv2d>(Emission& emission) {
  const GatherConvolution convolution = forward_gather(emission.node(), emission.target());
  std::vector<BufferRef> operands;
  for (size_t i = 0; i < emission.node().operands().size(); ++i) operands.push_back(emission.operand(i));
  operands.push_back(emission.result());
  emission.launch("forward", operands, {}, gather_task_count(convolution, emission.target()),
                  [convolution](KernelBuilder& kernel) { emit_gather(kernel, convolution); });
}

} // namespace kiln::codegen
