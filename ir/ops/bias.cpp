// Bias: adds a value per channel; and its gradient.
// The channel is dim 1; whatever lies behind it (nothing, or rows and columns) is one stretch in logical order.
#include "ir/ops/bias.h"

#include "ir/ops/expect.h"

namespace kiln::ir {

namespace {

// Calls visit(element, channel) for each element in logical order.
template <class Visit> void for_each_element(const Dims& dims, Visit visit) {
  const int64_t channels = dims[1];
  const int64_t inner = dims.size() == 4 ? dims[2] * dims[3] : 1;
  int64_t element = 0;
  for (int64_t n = 0; n < dims[0]; ++n)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t i = 0; i < inner; ++i) visit(element++, c);
}

} // namespace

std::vector<TensorType> Bias::infer(const Attributes&, Operands operands) {
  const auto op = info<Bias>().name;
  expect_count(op, operands, {"src", "bias"});
  expect_dtype(op, "src", operands[0], DType::f32);
  expect_rank(op, "src", operands[0], {2, 4});
  expect_type(op, "bias", operands[1], DType::f32, {operands[0].dims[1]});
  return {operands[0]};
}

void Bias::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& bias = frame.operand(1);
  Tensor& dst = frame.result();
  for_each_element(src.dims, [&](int64_t element, int64_t channel) { dst[element] = src[element] + bias[channel]; });
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
  expect_rank(op, "ddst", operands[0], {2, 4});
  return {TensorType{DType::f32, {operands[0].dims[1]}, {}}};
}

void BiasBackward::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& ddst = frame.operand(0);
  Tensor& dbias = frame.result();
  for_each_element(ddst.dims, [&](int64_t element, int64_t channel) { dbias[channel] += ddst[element]; });
}

int64_t BiasBackward::flops(const Node& node) { return node.operand(0).type.elements(); }

} // namespace kiln::ir
