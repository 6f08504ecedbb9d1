// A gather over the windows that read each pixel. With a stride, pixels of one residue are read by the same taps, so
// each residue is a gather of stride one.
#include "codegen/emit/transposed_gather.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace kiln::codegen {

namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

GatherConvolution gather_of(const TransposedConvolution& convolution, ir::Kernel kernel, const ir::Target& target) {
  const ir::ConvolutionWindow& attributes = convolution.window;
  const ir::Dims& weights = convolution.weights;
  const ir::Window window =
      ir::window_of("conv2d_backward_data", attributes, {weights[2], weights[3]}, convolution.result);
  const int32_t block = kernel == ir::Kernel::blocked ? target.vector_width : 1;

  GatherConvolution c;
  c.samples = convolution.source[0];
  c.groups = attributes.group;
  c.source_channels = weights[0] / attributes.group;
  c.result_channels = weights[1];
  c.channels = weights[1] * attributes.group;
  c.source_block = block;
  c.result_block = block;
  c.source_rows = convolution.source[2];
  c.source_columns = convolution.source[3];
  c.result_rows = convolution.result[0];
  c.result_columns = convolution.result[1];
  // Hardware fetches ahead of rising addresses: rows of the source and, within a filter row, weights.
  c.rows = backward_taps(window.rows, TapOrder::rising_source);
  c.columns = backward_taps(window.columns, TapOrder::rising_filter);
  c.weight_source_channel = block;
  c.weight_column = int64_t{block} * block;
  c.weight_row = weights[3] * c.weight_column;
  const int64_t filter = weights[2] * c.weight_row;
  const int64_t source_blocks = divide_up(c.source_channels, block);
  if (kernel == ir::Kernel::blocked) { // oihw_oi: i blocks, o blocks, KH, KW, o, i
    c.weight_source_block = filter;
    c.weight_result_block = attributes.group * source_blocks * filter;
  } else { // O, I, KH, KW
    c.weight_result_block = filter;
    c.weight_source_block = weights[1] * filter;
  }
  c.weight_group = source_blocks * c.weight_source_block;
  c.epilogue = convolution.epilogue;
  if (kernel == ir::Kernel::depthwise) make_depthwise(c, weights[0], {weights[2], weights[3]}, target.vector_width);
  return c;
}

std::vector<AxisTaps> part_of(const std::vector<AxisTaps>& classes, size_t begin, size_t count) {
  const auto first = classes.begin() + static_cast<int64_t>(begin);
  return {first, first + static_cast<int64_t>(std::min(count, classes.size() - begin))};
}

} // namespace

void emit_transposed(Emission& emission, std::string_view part, const TransposedConvolution& convolution,
                     const std::vector<BufferRef>& operands) {
  const GatherConvolution all = gather_of(convolution, emission.node().kernel, emission.target());
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
      emission.launch(fmt::format("{}.{}.{}", part, row, column), operands, {},
                      gather_task_count(some, emission.target()),
                      [some](KernelBuilder& kernel) { emit_gather(kernel, some); });
    }
}

} // namespace kiln::codegen
