// Convolution: one enumeration of the products it sums (convolution.h) serves the forward op and both gradients, each
// of which is the same sum over another index.
#include "ir/ops/conv2d.h"

#include "ir/ops/convolution.h"
#include "ir/ops/epilogue_formula.h"

namespace kiln::ir {

std::vector<TensorType> Conv2d::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Conv2d>().name;
  expect_epilogue(op, attributes.epilogue, operands, {"src", "weights"});
  expect_tensor4(op, "src", operands[0]);
  expect_tensor4(op, "weights", operands[1]);
  ConvolutionShapes shapes = convolution_shapes(op, attributes, operands[0].dims, operands[1].dims);
  expect_epilogue_operands(op, attributes.epilogue, operands.subspan(2), shapes.dst);
  return {TensorType{DType::f32, std::move(shapes.dst), {}}};
}

void Conv2d::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& weights = frame.operand(1);
  Tensor& dst = frame.result();
  for_each_product(attributes, src.dims, weights.dims, dst.dims,
                   [&](int64_t s, int64_t w, int64_t d) { dst[d] += src[s] * weights[w]; });
  finish_convolution(attributes.epilogue, frame);
}

void Conv2d::gradient(GradientBuilder& builder, const Node& node) {
  const auto& attributes = node.attributes<Conv2d>();
  if (!attributes.epilogue.empty()) throw std::logic_error("conv2d: differentiate must run before epilogues are fused");
  Value& src = node.operand(0);
  Value& weights = node.operand(1);
  Value& ddst = *builder.result_gradient();
  if (builder.wants(0))
    builder.set_operand_gradient(0,
                                 builder.create<Conv2dBackwardData>({attributes, {src.type.dims[2], src.type.dims[3]}},
                                                                    {&weights, &ddst}, "backward_data"));
  if (builder.wants(1))
    builder.set_operand_gradient(
        1, builder.create<Conv2dBackwardWeights>({attributes, {weights.type.dims[2], weights.type.dims[3]}},
                                                 {&src, &ddst}, "backward_weights"));
}

int64_t Conv2d::flops(const Node& node) {
  return convolution_flops(node.operand(1).type.dims, node.result().type.dims);
}

std::vector<TensorType> Conv2dBackwardData::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Conv2dBackwardData>().name;
  expect_count(op, operands, {"weights", "ddst"});
  expect_tensor4(op, "weights", operands[0]);
  expect_tensor4(op, "ddst", operands[1]);
  const auto& [rows, columns] = attributes.src_size;
  expect_dims(op, "src_size", {rows, columns});
  expect_dims(op, "weights", operands[0].dims);
  if (attributes.group < 1 || attributes.group > operands[0].dims[0])
    refuse(op, "group", fmt::format("1 to {}, the output channels", operands[0].dims[0]),
           std::to_string(attributes.group));
  ConvolutionShapes shapes = convolution_shapes(
      op, attributes, {operands[1].dims[0], operands[0].dims[1] * attributes.group, rows, columns}, operands[0].dims);
  expect_type(op, "ddst", operands[1], DType::f32, shapes.dst);
  return {TensorType{DType::f32, std::move(shapes.src), {}}};
}

void Conv2dBackwardData::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& weights = frame.operand(0);
  const Tensor& ddst = frame.operand(1);
  Tensor& dsrc = frame.result();
  for_each_product(attributes, dsrc.dims, weights.dims, ddst.dims,
                   [&](int64_t s, int64_t w, int64_t d) { dsrc[s] += weights[w] * ddst[d]; });
}

int64_t Conv2dBackwardData::flops(const Node& node) {
  return convolution_flops(node.operand(0).type.dims, node.operand(1).type.dims);
}

std::vector<TensorType> Conv2dBackwardWeights::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Conv2dBackwardWeights>().name;
  expect_count(op, operands, {"src", "ddst"});
  expect_tensor4(op, "src", operands[0]);
  expect_tensor4(op, "ddst", operands[1]);
  if (attributes.group < 1) refuse(op, "group", "at least 1", std::to_string(attributes.group));
  const Dims& src = operands[0].dims;
  if (src[1] % attributes.group != 0)
    throw TypeError(fmt::format("{}: {} groups do not divide {} input channels", op, attributes.group, src[1]));
  ConvolutionShapes shapes =
      convolution_shapes(op, attributes, src,
                         {operands[1].dims[1], src[1] / attributes.group, attributes.kernel[0], attributes.kernel[1]});
  expect_type(op, "ddst", operands[1], DType::f32, shapes.dst);
  return {TensorType{DType::f32, std::move(shapes.weights), {}}};
}

void Conv2dBackwardWeights::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& ddst = frame.operand(1);
  Tensor& dweights = frame.result();
  for_each_product(attributes, src.dims, dweights.dims, ddst.dims,
                   [&](int64_t s, int64_t w, int64_t d) { dweights[w] += src[s] * ddst[d]; });
}

int64_t Conv2dBackwardWeights::flops(const Node& node) {
  return convolution_flops(node.result().type.dims, node.operand(1).type.dims);
}

} // namespace kiln::ir
