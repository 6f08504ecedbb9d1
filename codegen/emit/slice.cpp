// Slice: one run of the operand's channels is the result.
#include "ir/ops/slice.h"

#include "codegen/emit/move_channels.h"

namespace kiln::codegen {

template <> void emit<ir::Slice>(Emission& emission) {
  const auto& [begin, count] = emission.node().attributes<ir::Slice>();
  emit_move_channels(emission, {{begin, 0, count}});
}

} // namespace kiln::codegen
