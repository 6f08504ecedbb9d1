// Batch norm by given statistics: the pass that normalises, alone.
#include "ir/ops/batch_norm_inference.h"

#include "codegen/emit/normalize.h"

namespace kiln::codegen {

template <> void emit<ir::BatchNormInference>(Emission& emission) {
  const auto& attributes = emission.node().attributes<ir::BatchNormInference>();
  launch_normalize(
      emission,
      normalize_buffers(emission, 3, ir::adds_of(attributes.epilogue), emission.operand(1), emission.operand(2)),
      attributes.epsilon, attributes.epilogue);
}

} // namespace kiln::codegen
