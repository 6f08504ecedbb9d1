// WeightedMean: a batch's loss from its samples' losses, where samples do not count alike; and its gradient.
// A batch in which everything is ignored has the loss 0 and the gradient 0.
#include "ir/ops/weighted_mean.h"

#include "ir/ops/expect.h"

#include <algorithm>
#include <numeric>

namespace kiln::ir {

namespace {

double sum_of(const Tensor& tensor) { return std::accumulate(tensor.data.begin(), tensor.data.end(), 0.0); }

} // namespace

std::vector<TensorType> WeightedMean::infer(const Attributes&, Operands operands) {
  const auto op = info<WeightedMean>().name;
  expect_count(op, operands, {"sum", "weight"});
  expect_dtype(op, "sum", operands[0], DType::f32);
  expect_rank(op, "sum", operands[0], {1});
  expect_type(op, "weight", operands[1], DType::f32, operands[0].dims);
  return {TensorType{DType::f32, {1}, {}}};
}

void WeightedMean::evaluate(const Attributes&, EvaluationFrame& frame) {
  const double weight = sum_of(frame.operand(1));
  frame.result()[0] = weight == 0 ? 0 : sum_of(frame.operand(0)) / weight;
}

void WeightedMean::gradient(GradientBuilder& builder, const Node& node) {
  if (!builder.wants(0)) return;
  builder.set_operand_gradient(
      0, builder.create<WeightedMeanBackward>({}, {&node.operand(1), builder.result_gradient()}, "backward"));
}

int64_t WeightedMean::flops(const Node& node) { return 2 * node.operand(0).type.elements(); }

std::vector<TensorType> WeightedMeanBackward::infer(const Attributes&, Operands operands) {
  const auto op = info<WeightedMeanBackward>().name;
  expect_count(op, operands, {"weight", "dy"});
  expect_dtype(op, "weight", operands[0], DType::f32);
  expect_rank(op, "weight", operands[0], {1});
  expect_type(op, "dy", operands[1], DType::f32, {1});
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

void WeightedMeanBackward::evaluate(const Attributes&, EvaluationFrame& frame) {
  const double weight = sum_of(frame.operand(0));
  Tensor& dsum = frame.result();
  std::fill(dsum.data.begin(), dsum.data.end(), weight == 0 ? 0 : frame.operand(1)[0] / weight);
}

} // namespace kiln::ir
