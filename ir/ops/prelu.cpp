// Prelu: a rectifier whose slope for negative values is learnt; and its gradients.
// The channel is dim 1; whatever lies behind it is one stretch in logical order.
#include "ir/ops/prelu.h"

#include "ir/ops/pixels.h"

namespace kiln::ir {

namespace {

void expect_source(std::string_view op, const TensorType& src) {
  expect_dtype(op, "src", src, DType::f32);
  expect_rank_between(op, "src", src, 2);
}

void expect_slope(std::string_view op, const TensorType& src, const TensorType& slope) {
  if (slope.same_logical({DType::f32, {1}, {}})) return;
  if (!slope.same_logical({DType::f32, {src.dims[1]}, {}}))
    refuse(op, "slope", fmt::format("f32[1] or f32[{}]", src.dims[1]), to_string(slope));
}

int64_t channel_of(const Dims& dims, int64_t element) {
  const int64_t inner = pixels_of(dims);
  return element / inner % dims[1];
}

double slope_of(const Tensor& slope, const Dims& dims, int64_t element) {
  return slope[slope.elements() == 1 ? 0 : channel_of(dims, element)];
}

} // namespace

std::vector<TensorType> Prelu::infer(const Attributes&, Operands operands) {
  const auto op = info<Prelu>().name;
  expect_count(op, operands, {"src", "slope"});
  expect_source(op, operands[0]);
  expect_slope(op, operands[0], operands[1]);
  return {operands[0]};
}

void Prelu::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  for (int64_t e = 0; e < dst.elements(); ++e)
    dst[e] = formula<double>(src[e], slope_of(frame.operand(1), src.dims, e));
}

void Prelu::gradient(GradientBuilder& builder, const Node& node) {
  Value& src = node.operand(0);
  Value& slope = node.operand(1);
  Value& ddst = *builder.result_gradient();
  if (builder.wants(0))
    builder.set_operand_gradient(0, builder.create<PreluBackward>({}, {&src, &slope, &ddst}, "backward"));
  if (builder.wants(1))
    builder.set_operand_gradient(
        1, builder.create<PreluBackwardSlope>({.shared = slope.type.dims[0] == 1}, {&src, &ddst}, "backward_slope"));
}

int64_t Prelu::flops(const Node& node) { return node.result().type.elements(); }

std::vector<TensorType> PreluBackward::infer(const Attributes&, Operands operands) {
  const auto op = info<PreluBackward>().name;
  expect_count(op, operands, {"src", "slope", "ddst"});
  expect_source(op, operands[0]);
  expect_slope(op, operands[0], operands[1]);
  expect_type(op, "ddst", operands[2], DType::f32, operands[0].dims);
  return {operands[0]};
}

void PreluBackward::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dsrc = frame.result();
  for (int64_t e = 0; e < dsrc.elements(); ++e)
    dsrc[e] = formula<double>(src[e], slope_of(frame.operand(1), src.dims, e), frame.operand(2)[e]);
}

int64_t PreluBackward::flops(const Node& node) { return node.result().type.elements(); }

std::vector<TensorType> PreluBackwardSlope::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<PreluBackwardSlope>().name;
  expect_count(op, operands, {"src", "ddst"});
  expect_source(op, operands[0]);
  expect_type(op, "ddst", operands[1], DType::f32, operands[0].dims);
  return {TensorType{DType::f32, {attributes.shared ? 1 : operands[0].dims[1]}, {}}};
}

void PreluBackwardSlope::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& ddst = frame.operand(1);
  Tensor& dslope = frame.result();
  for (int64_t e = 0; e < src.elements(); ++e)
    dslope[attributes.shared ? 0 : channel_of(src.dims, e)] += formula<double>(src[e], ddst[e]);
}

int64_t PreluBackwardSlope::flops(const Node& node) { return 2 * node.operand(0).type.elements(); }

} // namespace kiln::ir
