// AverageWeights: a running mean of a parameter takes over a share of its new values.
// Shape rule and reference.
#include "ir/ops/average_weights.h"

#include "ir/ops/parameter_update.h"

namespace kiln::ir {

std::vector<TensorType> AverageWeights::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<AverageWeights>().name;
  expect_count(op, operands, {"average", "param"});
  expect_dtype(op, "average", operands[0], DType::f32);
  expect_type(op, "param", operands[1], DType::f32, operands[0].dims);
  check_share(op, "decay", attributes.decay);
  return {};
}

void AverageWeights::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  if (frame.writable[0] == nullptr || frame.writable[1] == nullptr)
    refuse(info<AverageWeights>().name, "average and param", "states", "values that cannot be written");
  Tensor& average = *frame.writable[0];
  const Tensor& param = *frame.writable[1];
  for (int64_t i = 0; i < average.elements(); ++i) average[i] = running_mean(attributes.decay, average[i], param[i]);
}

int64_t AverageWeights::flops(const Node& node) { return 3 * node.operand(0).type.elements(); }

} // namespace kiln::ir
