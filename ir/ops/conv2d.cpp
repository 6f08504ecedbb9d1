// Convolution: one enumeration of the products it sums serves the forward op and both gradients, each of which is the
// same sum over another index.
#include "ir/ops/conv2d.h"

#include "ir/ops/epilogue_formula.h"

namespace kiln::ir {

namespace {

struct Shapes {
  Dims src;
  Dims weights;
  Dims dst;
};

// The forward op's rule, which the gradients' rules rest on: throws unless weights fit src.
Shapes infer_shapes(std::string_view op, const ConvolutionWindow& attributes, const Dims& src, const Dims& weights) {
  expect_dims(op, "src", src);
  expect_dims(op, "weights", weights);
  const int64_t group = attributes.group;
  if (group < 1) refuse(op, "group", "at least 1", std::to_string(group));
  if (src[1] % group != 0)
    throw TypeError(fmt::format("{}: {} groups do not divide {} input channels", op, group, src[1]));
  if (weights[0] % group != 0)
    throw TypeError(fmt::format("{}: {} groups do not divide {} output channels", op, group, weights[0]));
  if (weights[1] != src[1] / group)
    throw TypeError(fmt::format("{}: input has {} channels{}, weights f32[{}] expect {}", op, src[1],
                                group == 1 ? "" : fmt::format(" = {} groups of {}", group, src[1] / group),
                                fmt::join(weights, ","),
                                group == 1 ? fmt::format("{}", weights[1]) : fmt::format("groups of {}", weights[1])));
  const Size2 size = window_of(op, attributes, {weights[2], weights[3]}, {src[2], src[3]}).output();
  Shapes shapes{src, weights, {src[0], weights[0], size[0], size[1]}};
  expect_dims(op, "result", shapes.dst);
  return shapes;
}

// Calls visit(src offset, weights offset, dst offset) for every product of the sum, padding left out: in row-major
// order of dst, then of the filter.
template <class Visit> void for_each_product(const ConvolutionWindow& attributes, const Dims& src, const Dims& weights,
                                             const Dims& dst, Visit visit) {
  const Window window = window_of("conv2d", attributes, {weights[2], weights[3]}, {src[2], src[3]});
  const int64_t group_inputs = weights[1];
  const int64_t group_outputs = weights[0] / attributes.group;
  int64_t d = 0;
  for (int64_t n = 0; n < dst[0]; ++n)
    for (int64_t o = 0; o < dst[1]; ++o)
      for (int64_t y = 0; y < dst[2]; ++y)
        for (int64_t x = 0; x < dst[3]; ++x, ++d) {
          int64_t w = o * group_inputs * weights[2] * weights[3];
          for (int64_t c = 0; c < group_inputs; ++c) {
            const int64_t plane = (n * src[1] + o / group_outputs * group_inputs + c) * src[2] * src[3];
            for (int64_t i = 0; i < weights[2]; ++i)
              for (int64_t j = 0; j < weights[3]; ++j, ++w) {
                const int64_t row = window.rows.position(y, i);
                const int64_t column = window.columns.position(x, j);
                if (window.rows.contains(row) && window.columns.contains(column))
                  visit(plane + row * src[3] + column, w, d);
              }
          }
        }
}

// As published counts: the full filter at every output position, padding included. Counts that no machine could reach
// stay at the largest that can be told.
int64_t count_flops(const Dims& weights, const Dims& dst) {
  int64_t count = 2;
  for (int64_t factor : {dst[0], dst[1], dst[2], dst[3], weights[1], weights[2], weights[3]})
    if (__builtin_mul_overflow(count, factor, &count)) return INT64_MAX;
  return count;
}

void expect_tensor4(std::string_view op, std::string_view what, const TensorType& got) {
  expect_dtype(op, what, got, DType::f32);
  expect_rank(op, what, got, {4});
}

} // namespace

std::vector<TensorType> Conv2d::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Conv2d>().name;
  expect_epilogue(op, attributes.epilogue, operands, {"src", "weights"});
  expect_tensor4(op, "src", operands[0]);
  expect_tensor4(op, "weights", operands[1]);
  Shapes shapes = infer_shapes(op, attributes, operands[0].dims, operands[1].dims);
  expect_epilogue_operands(op, operands.subspan(2), shapes.dst[1]);
  return {TensorType{DType::f32, std::move(shapes.dst), {}}};
}

void Conv2d::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& weights = frame.operand(1);
  Tensor& dst = frame.result();
  for_each_product(attributes, src.dims, weights.dims, dst.dims,
                   [&](int64_t s, int64_t w, int64_t d) { dst[d] += src[s] * weights[w]; });
  const int64_t plane = dst.dims[2] * dst.dims[3];
  for (int64_t d = 0; d < dst.elements(); ++d)
    dst[d] = apply_epilogue(attributes.epilogue, dst[d], [&](int64_t i) {
      return frame.operand(2 + static_cast<size_t>(i))[d / plane % dst.dims[1]];
    });
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

int64_t Conv2d::flops(const Node& node) { return count_flops(node.operand(1).type.dims, node.result().type.dims); }

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
  Shapes shapes = infer_shapes(
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
  return count_flops(node.operand(0).type.dims, node.operand(1).type.dims);
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
  Shapes shapes =
      infer_shapes(op, attributes, src,
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
  return count_flops(node.result().type.dims, node.operand(1).type.dims);
}

} // namespace kiln::ir
