// The emitter of convolutions that gather: each result pixel sums products of source pixels and filter taps. Forward
// and backward-data, blocked and plain, differ only in the numbers below.
#pragma once

#include "codegen/emit/conv_taps.h"
#include "codegen/kernel_builder.h"
#include "ir/epilogue.h"
#include "ir/target.h"

#include <cstdint>
#include <vector>

namespace kiln::codegen {

// Source and result are N x (channel blocks) x rows x columns x (channels of a block); a block of one channel is the
// plain layout. The kernel's operands: source, weights, those of the epilogue, result. All strides in elements.
struct GatherConvolution {
  int64_t samples = 1;
  int64_t groups = 1;
  // Each lane of the result sums over that lane of the source alone. A group is a block of channels then, of one source
  // channel: all its lanes at once.
  bool depthwise = false;
  int64_t source_channels = 1; // of a group
  int64_t result_channels = 1; // of a group
  int64_t channels = 1;        // of the result, all groups together, without padding lanes
  int32_t source_block = 1;    // several groups: divides source_channels
  int32_t result_block = 1;    // several groups: divides result_channels
  int64_t source_rows = 1, source_columns = 1;
  int64_t result_rows = 1, result_columns = 1;
  // Result rows (columns) by classes that read the same taps. Each row class meets each column class; together they
  // cover the result.
  std::vector<AxisTaps> rows, columns;
  // Weights of one tap and one source channel for one result block lie together.
  int64_t weight_group = 0;
  int64_t weight_result_block = 0;
  int64_t weight_source_block = 0;
  int64_t weight_source_channel = 0; // within a block
  int64_t weight_row = 0, weight_column = 0;
  ir::Epilogue epilogue;
};

// The rest of a depthwise convolution (Kernel::depthwise) of these channels: weights lie as ohwi_o has them.
void make_depthwise(GatherConvolution& convolution, int64_t channels, ir::Size2 filter, int32_t block);

// The accumulators that one pass over the source channels keeps in registers.
struct GatherTile {
  int64_t blocks = 1;  // of result channels; divides those of a group
  int64_t rows = 1;    // more than one only if `columns` covers a whole row
  int64_t columns = 1; // pixels of a row
};

// The cheapest tile that fits the target's registers, by a rough count of cycles.
GatherTile choose_tile(const GatherConvolution& convolution, const ir::Target& target);

// How the work is cut into tasks: a function of shape and target alone.
class GatherTasks {
public:
  GatherTasks(const GatherConvolution& convolution, const GatherTile& tile, const ir::Target& target);

  int64_t count() const;

  struct Task {
    Index sample, group, block, row_begin, row_end; // block: first of the tile, within the group; rows of a class
  };
  Task decode(Index task) const;

private:
  int64_t samples_, groups_, block_groups_, tile_blocks_;
  int64_t rows_; // of the largest class
  int64_t rows_per_task_;
  bool weights_outer_; // tasks that share weights are neighbours; else those that share source rows
};

void emit_gather(KernelBuilder& kernel, const GatherConvolution& convolution);

// Tasks of the kernel that emit_gather writes.
int64_t gather_task_count(const GatherConvolution& convolution, const ir::Target& target);

} // namespace kiln::codegen
