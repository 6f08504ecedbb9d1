// FoldNormBias: a bias that takes over what the batch norm behind it adds.
// Shape rule and reference.
#include "ir/ops/fold_norm_bias.h"

#include "ir/ops/per_channel.h"

#include <cmath>

namespace kiln::ir {

std::vector<TensorType> FoldNormBias::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<FoldNormBias>().name;
  if (operands.size() < 2 || operands.size() > 5) expect_count(op, operands, {"mean", "variance"});
  expect_dtype(op, "mean", operands[0], DType::f32);
  expect_rank(op, "mean", operands[0], {1});
  for (size_t i = 1; i < operands.size(); ++i) {
    const bool is_bias = biased(operands.size()) && i + 1 == operands.size();
    expect_type(op,
                is_bias  ? "bias"
                : i == 1 ? "variance"
                : i == 2 ? "scale"
                         : "shift",
                operands[i], DType::f32, operands[0].dims);
  }
  expect_epsilon(op, attributes.epsilon);
  return {operands[0]};
}

void FoldNormBias::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const size_t count = frame.operands.size();
  const Tensor& mean = frame.operand(0);
  for (int64_t c = 0; c < mean.elements(); ++c) {
    const double bias = biased(count) ? frame.operand(count - 1)[c] : 0;
    const double x = (bias - mean[c]) / std::sqrt(frame.operand(1)[c] + attributes.epsilon);
    frame.result()[c] = affine(count) ? x * frame.operand(2)[c] + frame.operand(3)[c] : x;
  }
}

} // namespace kiln::ir
