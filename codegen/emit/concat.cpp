// Concat: each operand is one run of the result's channels.
#include "ir/ops/concat.h"

#include "codegen/emit/move_channels.h"

namespace kiln::codegen {

template <> void emit<ir::Concat>(Emission& emission) {
  std::vector<ChannelRun> runs;
  int64_t to = 0;
  for (size_t i = 0; i < emission.node().operands().size(); ++i) {
    runs.push_back({0, to, emission.operand_type(i).dims[1]});
    to += runs.back().count;
  }
  emit_move_channels(emission, runs);
}

} // namespace kiln::codegen
