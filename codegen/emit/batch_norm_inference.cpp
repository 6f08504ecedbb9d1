// Batch norm by given statistics: the pass that normalises, alone.
#include "ir/ops/batch_norm_inference.h"

#include "codegen/emit/normalize.h"

namespace kiln::codegen {

template <> void emit<ir::BatchNormInference>(Emission& emission) {
  NormalizeBuffers buffers{emission.operand(0), emission.operand(1), emission.operand(2), {}, emission.result()};
  if (emission.node().operands().size() == 5) buffers.affine = {emission.operand(3), emission.operand(4)};
  launch_normalize(emission, buffers, emission.node().attributes<ir::BatchNormInference>().epsilon);
}

} // namespace kiln::codegen
