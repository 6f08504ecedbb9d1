// Copying runs of channels from the operands of a node into its result: concat and slice.
#pragma once

#include "codegen/emitter.h"

#include <cstdint>
#include <vector>

namespace kiln::codegen {

// `count` channels of an operand from `from` on become channels of the result from `to` on.
struct ChannelRun {
  int64_t from;
  int64_t to;
  int64_t count;
};

// One run for each operand; together they give every channel of the result once.
void emit_move_channels(Emission& emission, const std::vector<ChannelRun>& runs);

} // namespace kiln::codegen
