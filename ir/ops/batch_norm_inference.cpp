// BatchNormInference: batch norm by statistics that are given, as outside of training.
// Shape rule and reference.
#include "ir/ops/batch_norm_inference.h"

#include "ir/ops/per_channel.h"

#include <cmath>

namespace kiln::ir {

std::vector<TensorType> BatchNormInference::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<BatchNormInference>().name;
  if (operands.size() != 5) expect_count(op, operands, {"src", "mean", "variance"});
  const Dims channels = expect_channels(op, "src", operands[0]);
  for (size_t i = 1; i < operands.size(); ++i)
    expect_type(op,
                i == 1   ? "mean"
                : i == 2 ? "variance"
                : i == 3 ? "scale"
                         : "shift",
                operands[i], DType::f32, channels);
  expect_epsilon(op, attributes.epsilon);
  return {operands[0]};
}

void BatchNormInference::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& mean = frame.operand(1);
  const Tensor& variance = frame.operand(2);
  const bool affine = frame.operands.size() == 5;
  for_each_in_channels(src.dims, [&](int64_t i, int64_t c) {
    const double x = (src[i] - mean[c]) / std::sqrt(variance[c] + attributes.epsilon);
    frame.result()[i] = affine ? x * frame.operand(3)[c] + frame.operand(4)[c] : x;
  });
}

int64_t BatchNormInference::flops(const Node& node) { return 3 * node.operand(0).type.elements(); }

} // namespace kiln::ir
