// Gradient of a convolution's source: a gather over the windows that read each source pixel. With a stride, pixels of
// one residue are read by the same taps, so each residue is a gather of stride one.
#include "codegen/emit/gather_convolution.h"
#include "codegen/emitter.h"
#include "ir/ops/conv2d.h"

#include <algorithm>
#include <string>

namespace kiln::codegen {

namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

GatherConvolution backward_gather(const ir::Node& node, const ir::Target& target) {
  const auto& attributes = node.attributes<ir::Conv2dBackwardData>();
  const ir::Dims& weights = node.operand(0).type.dims;
  const ir::Dims& ddst = node.operand(1).type.dims;
  const ir::Window window =
      ir::window_of("conv2d_backward_data", attributes, {weights[2], weights[3]}, attributes.src_size);
  const int32_t block = node.kernel == ir::Kernel::blocked ? target.vector_width : 1;

  GatherConvolution c;
  c.samples = ddst[0];
  c.groups = attributes.group;
  c.source_channels = weights[0] / attributes.group;
  c.result_channels = weights[1];
  c.source_block = block;
  c.result_block = block;
  c.source_rows = ddst[2];
  c.source_columns = ddst[3];
  c.result_rows = attributes.src_size[0];
  c.result_columns = attributes.src_size[1];
  // Hardware fetches ahead of rising addresses: rows of the source and, within a filter row, weights.
  c.rows = backward_taps(window.rows, TapOrder::rising_source);
  c.columns = backward_taps(window.columns, TapOrder::rising_filter);
  c.weight_source_channel = block;
  c.weight_column = int64_t{block} * block;
  c.weight_row = weights[3] * c.weight_column;
  const int64_t filter = weights[2] * c.weight_row;
  const int64_t source_blocks = divide_up(c.source_channels, block);
  if (node.kernel == ir::Kernel::blocked) { // oihw_oi: i blocks, o blocks, KH, KW, o, i
    c.weight_source_block = filter;
    c.weight_result_block = attributes.group * source_blocks * filter;
  } else { // O, I, KH, KW
    c.weight_result_block = filter;
    c.weight_source_block = weights[1] * filter;
  }
  c.weight_group = source_blocks * c.weight_source_block;
  return c;
}

std::vector<AxisTaps> part_of(const std::vector<AxisTaps>& classes, size_t begin, size_t count) {
  const auto first = classes.begin() + static_cast<int64_t>(begin);
  return {first, first + static_cast<int64_t>(std::min(count, classes.size() - begin))};
}

} // namespace

template <> void emit<ir::Conv2dBackwardData>(Emission& emission) {
  const GatherConvolution all = backward_gather(emission.node(), emission.target());
  // Each residue class is code of its own. Beyond a few, LLVM takes long for all in one kernel.
  constexpr size_t kClasses = 4;
  const bool one_launch = all.rows.size() * all.columns.size() <= kClasses;
  const size_t row_step = one_launch ? all.rows.size() : 1;
  const size_t column_step = one_launch ? all.columns.size() : kClasses;
  for (size_t row = 0; row < all.rows.size(); row += row_step)
    for (size_t column = 0; column < all.columns.size(); column += column_step) {
      GatherConvolution some = all;
      some.rows = part_of(all.rows, row, row_step);
      some.columns = part_of(all.columns, column, column_step);
      emission.launch("backward_data." + std::to_string(row) + "." + std::to_string(column),
                      {emission.operand(1), emission.operand(0), emission.result()}, {},
                      gather_task_count(some, emission.target()),
                      [some](KernelBuilder& kernel) { emit_gather(kernel, some); });
    }
}

} // namespace kiln::codegen
