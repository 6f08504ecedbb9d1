// Copying runs of positions along one dim from the operands of a node into its result: concat and slice.
#pragma once

#include "codegen/emitter.h"

#include <cstdint>
#include <vector>

namespace kiln::codegen {

// `count` positions of an operand from `from` on become positions of the result from `to` on.
struct AxisRun {
  int64_t from;
  int64_t to;
  int64_t count;
};

// One run for each operand; together they give every position of the result once.
void emit_move_runs(Emission& emission, int64_t axis, const std::vector<AxisRun>& runs);

// A tensor in memory, seen along one of its dims; not along the channels of a blocked one.
struct MemoryView {
  int64_t outer = 1; // stretches
  int64_t size = 1;
  int64_t inner = 1; // elements of a position, padding lanes included

  MemoryView(const ir::TensorType& type, int64_t axis);
};

} // namespace kiln::codegen
