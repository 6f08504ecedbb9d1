// Bias: adds a value per channel; and its gradient.
// The channel is dim 1; whatever lies behind it (nothing, or rows and columns) is one stretch in logical order.
#include "ir/ops/bias.h"

#include "ir/ops/per_channel.h"

namespace kiln::ir {

std::vector<TensorType> Bias::infer(const Attributes&, Operands operands) {
  const auto op = info<Bias>().name;
  expect_count(op, operands, {"src", "bias"});
  expect_dtype(op, "src", operands[0], DType::f32);
  expect_rank_between(op, "src", operands[0], 2);
  expect_type(op, "bias", operands[1], DType::f32, {operands[0].dims[1]});
  return {operands[0]};
}

void Bias::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& bias = frame.operand(1);
  Tensor& dst = frame.result();
  for_each_in_channels(src.dims,
                       [&](int64_t element, int64_t channel) { dst[element] = src[element] + bias[channel]; });
}

void Bias::gradient(GradientBuilder& builder, const Node&) {
  Value& ddst = *builder.result_gradient();
  if (builder.wants(0)) builder.set_operand_gradient(0, ddst);
  if (builder.wants(1)) builder.set_operand_gradient(1, builder.create<BiasBackward>({}, {&ddst}, "backward_bias"));
}

int64_t Bias::flops(const Node& node) { return node.result().type.elements(); }

std::vector<TensorType> BiasBackward::infer(const Attributes&, Operands operands) {
  const auto op = info<BiasBackward>().name;
  expect_count(op, operands, {"ddst"});
  expect_dtype(op, "ddst", operands[0], DType::f32);
  expect_rank_between(op, "ddst", operands[0], 2);
  return {TensorType{DType::f32, {operands[0].dims[1]}, {}}};
}

void BiasBackward::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& ddst = frame.operand(0);
  Tensor& dbias = frame.result();
  for_each_in_channels(ddst.dims, [&](int64_t element, int64_t channel) { dbias[channel] += ddst[element]; });
}

int64_t BiasBackward::flops(const Node& node) { return node.operand(0).type.elements(); }

} // namespace kiln::ir
