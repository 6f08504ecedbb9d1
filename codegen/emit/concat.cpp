// Concat: each operand is one run of the result's positions.
#include "ir/ops/concat.h"

#include "codegen/emit/move_runs.h"

namespace kiln::codegen {

template <> void emit<ir::Concat>(Emission& emission) {
  const int64_t axis = emission.node().attributes<ir::Concat>().axis;
  std::vector<AxisRun> runs;
  int64_t to = 0;
  for (size_t i = 0; i < emission.node().operands().size(); ++i) {
    runs.push_back({0, to, emission.operand_type(i).dims[static_cast<size_t>(axis)]});
    to += runs.back().count;
  }
  emit_move_runs(emission, axis, runs);
}

} // namespace kiln::codegen
