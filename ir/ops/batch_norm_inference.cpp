// BatchNormInference: batch norm by statistics that are given, as outside of training.
// Shape rule and reference.
#include "ir/ops/batch_norm_inference.h"

#include "ir/ops/normalization.h"

#include <algorithm>
#include <cmath>

namespace kiln::ir {

std::vector<TensorType> BatchNormInference::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<BatchNormInference>().name;
  const auto own = operands.size() - std::min(operands.size(), adds_of(attributes.epilogue));
  if (own != 5) expect_count(op, operands.first(own), {"src", "mean", "variance"});
  const Dims channels = expect_channels(op, "src", operands[0]);
  for (size_t i = 1; i < own; ++i)
    expect_type(op,
                i == 1   ? "mean"
                : i == 2 ? "variance"
                : i == 3 ? "scale"
                         : "shift",
                operands[i], DType::f32, channels);
  expect_epsilon(op, attributes.epsilon);
  expect_normalization_epilogue(op, attributes.epilogue, operands.subspan(own), operands[0].dims);
  return {operands[0]};
}

void BatchNormInference::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& mean = frame.operand(1);
  const Tensor& variance = frame.operand(2);
  const size_t own = frame.operands.size() - adds_of(attributes.epilogue);
  const bool affine = own == 5;
  for_each_in_channels(src.dims, [&](int64_t i, int64_t c) {
    const double x = (src[i] - mean[c]) / std::sqrt(variance[c] + attributes.epsilon);
    frame.result()[i] = apply_epilogue(attributes.epilogue, affine ? x * frame.operand(3)[c] + frame.operand(4)[c] : x,
                                       [&](int64_t add) { return frame.operand(own + static_cast<size_t>(add))[i]; });
  });
}

int64_t BatchNormInference::flops(const Node& node) { return 3 * node.operand(0).type.elements(); }

} // namespace kiln::ir
