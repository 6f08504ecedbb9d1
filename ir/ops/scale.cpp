// Scale: multiplies by a value per channel; and its gradient.
// The channel is dim 1; whatever lies behind it is one stretch in logical order.
#include "ir/ops/scale.h"

#include "ir/ops/per_channel.h"

namespace kiln::ir {

std::vector<TensorType> Scale::infer(const Attributes&, Operands operands) {
  const auto op = info<Scale>().name;
  expect_count(op, operands, {"src", "factor"});
  expect_type(op, "factor", operands[1], DType::f32, expect_channels(op, "src", operands[0]));
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

void Scale::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& factor = frame.operand(1);
  for_each_in_channels(src.dims, [&](int64_t i, int64_t c) { frame.result()[i] = src[i] * factor[c]; });
}

void Scale::gradient(GradientBuilder& builder, const Node& node) {
  Value& ddst = *builder.result_gradient();
  if (builder.wants(0))
    builder.set_operand_gradient(0, builder.create<Scale>({}, {&ddst, &node.operand(1)}, "backward_data"));
  if (builder.wants(1))
    builder.set_operand_gradient(1,
                                 builder.create<ScaleBackwardFactor>({}, {&node.operand(0), &ddst}, "backward_factor"));
}

int64_t Scale::flops(const Node& node) { return node.result().type.elements(); }

std::vector<TensorType> ScaleBackwardFactor::infer(const Attributes&, Operands operands) {
  const auto op = info<ScaleBackwardFactor>().name;
  expect_count(op, operands, {"src", "ddst"});
  const Dims channels = expect_channels(op, "src", operands[0]);
  expect_type(op, "ddst", operands[1], DType::f32, operands[0].dims);
  return {TensorType{DType::f32, channels, {}}};
}

void ScaleBackwardFactor::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& ddst = frame.operand(1);
  for_each_in_channels(src.dims, [&](int64_t i, int64_t c) { frame.result()[c] += src[i] * ddst[i]; });
}

int64_t ScaleBackwardFactor::flops(const Node& node) { return 2 * node.operand(0).type.elements(); }

} // namespace kiln::ir
