// Batch norm by given statistics: the pass that normalises, alone.
#include "ir/ops/batch_norm_inference.h"

#include "codegen/emit/normalize.h"

namespace kiln::codegen {

template <> void emit<ir::BatchNormInference>(Emission& emission) {
  const auto& attributes = emission.node().attributes<ir::BatchNormInference>();
  const size_t operands = emission.node().operands().size();
  const size_t own = operands - ir::adds_of(attributes.epilogue);
  NormalizeBuffers buffers{emission.operand(0), emission.operand(1), emission.operand(2), {}, {}, emission.result()};
  if (own == 5) buffers.affine = {emission.operand(3), emission.operand(4)};
  for (size_t i = own; i < operands; ++i) buffers.adds.push_back(emission.operand(i));
  launch_normalize(emission, buffers, attributes.epsilon, attributes.epilogue);
}

} // namespace kiln::codegen
