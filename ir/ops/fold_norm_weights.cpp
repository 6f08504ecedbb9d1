// FoldNormWeights: weights that take over the factor per output channel of the batch norm behind them.
// Shape rule and reference.
#include "ir/ops/fold_norm_weights.h"

#include "ir/ops/per_channel.h"

#include <cmath>

namespace kiln::ir {

std::vector<TensorType> FoldNormWeights::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<FoldNormWeights>().name;
  const bool scaled = operands.size() == 3;
  if (!scaled) expect_count(op, operands, {"weights", "variance"});
  expect_channels(op, "weights", operands[0]);
  expect_rank(op, "weights", operands[0], {2, 4});
  const Dims channels = {operands[0].dims[0]};
  expect_type(op, "variance", operands[1], DType::f32, channels);
  if (scaled) expect_type(op, "scale", operands[2], DType::f32, channels);
  expect_epsilon(op, attributes.epsilon);
  return {operands[0]};
}

void FoldNormWeights::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& weights = frame.operand(0);
  const int64_t row = weights.elements() / weights.dims[0];
  for (int64_t i = 0; i < weights.elements(); ++i) {
    const int64_t o = i / row;
    const double scale = frame.operands.size() == 3 ? frame.operand(2)[o] : 1;
    frame.result()[i] = weights[i] / std::sqrt(frame.operand(1)[o] + attributes.epsilon) * scale;
  }
}

int64_t FoldNormWeights::flops(const Node& node) { return node.result().type.elements(); }

} // namespace kiln::ir
