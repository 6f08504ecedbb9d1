// WeightedSum: several losses to the one that is trained on.
// Added in the order of operands.
#include "ir/ops/weighted_sum.h"

#include "ir/ops/expect.h"

namespace kiln::ir {

std::vector<TensorType> WeightedSum::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<WeightedSum>().name;
  if (operands.empty()) expect_count(op, operands, {"src0"});
  expect_dtype(op, "src0", operands[0], DType::f32);
  for (size_t k = 1; k < operands.size(); ++k)
    expect_type(op, fmt::format("src{}", k), operands[k], DType::f32, operands[0].dims);
  if (attributes.weight.size() != operands.size())
    refuse(op, "weight", fmt::format("{} values", operands.size()), fmt::to_string(attributes.weight.size()));
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

void WeightedSum::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  Tensor& dst = frame.result();
  for (size_t k = 0; k < frame.operands.size(); ++k)
    for (int64_t i = 0; i < dst.elements(); ++i) dst[i] += attributes.weight[k] * frame.operand(k)[i];
}

void WeightedSum::gradient(GradientBuilder& builder, const Node& node) {
  const auto& weight = node.attributes<WeightedSum>().weight;
  for (size_t k = 0; k < weight.size(); ++k)
    if (builder.wants(k))
      builder.set_operand_gradient(
          k, builder.create<WeightedSum>({.weight = {weight[k]}}, {builder.result_gradient()}, "backward"));
}

int64_t WeightedSum::flops(const Node& node) {
  return 2 * static_cast<int64_t>(node.operands().size()) * node.result().type.elements();
}

} // namespace kiln::ir
