// Transposed convolution: the products of a convolution whose roles of source and result are swapped.
#include "ir/ops/conv_transpose2d.h"

#include "ir/ops/conv2d.h"
#include "ir/ops/convolution.h"

namespace kiln::ir {

std::vector<TensorType> ConvTranspose2d::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<ConvTranspose2d>().name;
  expect_epilogue(op, attributes.epilogue, operands, {"src", "weights"});
  expect_tensor4(op, "src", operands[0]);
  expect_tensor4(op, "weights", operands[1]);
  const Dims& src = operands[0].dims;
  const Dims& weights = operands[1].dims;
  const auto& [rows, columns] = attributes.dst_size;
  expect_dims(op, "weights", weights);
  expect_dims(op, "dst_size", {rows, columns});
  if (src[1] != weights[0])
    throw TypeError(fmt::format("{}: input has {} channels, weights f32[{}] expect {}", op, src[1],
                                fmt::join(weights, ","), weights[0]));
  if (attributes.group < 1 || attributes.group > weights[0])
    refuse(op, "group", fmt::format("1 to {}, the input channels", weights[0]), std::to_string(attributes.group));
  ConvolutionShapes shapes =
      convolution_shapes(op, attributes, {src[0], weights[1] * attributes.group, rows, columns}, weights);
  expect_type(op, "src", operands[0], DType::f32, shapes.dst);
  expect_epilogue_operands(op, attributes.epilogue, operands.subspan(2), shapes.src);
  return {TensorType{DType::f32, std::move(shapes.src), {}}};
}

void ConvTranspose2d::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& weights = frame.operand(1);
  Tensor& dst = frame.result();
  for_each_product(attributes, dst.dims, weights.dims, src.dims,
                   [&](int64_t d, int64_t w, int64_t s) { dst[d] += src[s] * weights[w]; });
  finish_convolution(attributes.epilogue, frame);
}

void ConvTranspose2d::gradient(GradientBuilder& builder, const Node& node) {
  const auto& attributes = node.attributes<ConvTranspose2d>();
  if (!attributes.epilogue.empty())
    throw std::logic_error("conv_transpose2d: differentiate must run before epilogues are fused");
  Value& src = node.operand(0);
  Value& weights = node.operand(1);
  Value& ddst = *builder.result_gradient();
  if (builder.wants(0))
    builder.set_operand_gradient(0, builder.create<Conv2d>({attributes, {}}, {&ddst, &weights}, "backward_data"));
  if (builder.wants(1))
    builder.set_operand_gradient(
        1, builder.create<Conv2dBackwardWeights>({attributes, {weights.type.dims[2], weights.type.dims[3]}},
                                                 {&ddst, &src}, "backward_weights"));
}

int64_t ConvTranspose2d::flops(const Node& node) {
  return convolution_flops(node.operand(1).type.dims, node.operand(0).type.dims);
}

} // namespace kiln::ir
