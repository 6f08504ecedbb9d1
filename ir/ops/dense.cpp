// Dense: three matrix products, each summed in ascending order of the index that vanishes.
#include "ir/ops/dense.h"

#include "ir/ops/epilogue_formula.h"

namespace kiln::ir {

namespace {

void expect_matrix(std::string_view op, std::string_view what, const TensorType& got) {
  expect_dtype(op, what, got, DType::f32);
  expect_rank(op, what, got, {2});
  expect_dims(op, what, got.dims);
}

TensorType matrix(std::string_view op, int64_t rows, int64_t columns) {
  expect_dims(op, "result", {rows, columns});
  return TensorType{DType::f32, {rows, columns}, {}};
}

// No matrix has more than 2^40 elements, so that their product's count of flops stays below 2^62.
int64_t count_flops(const Dims& weights, int64_t samples) { return 2 * samples * weights[0] * weights[1]; }

} // namespace

std::vector<TensorType> Dense::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Dense>().name;
  expect_epilogue(op, attributes.epilogue, operands, {"src", "weights"});
  expect_matrix(op, "src", operands[0]);
  expect_matrix(op, "weights", operands[1]);
  const Dims& src = operands[0].dims;
  const Dims& weights = operands[1].dims;
  if (src[1] != weights[1])
    throw TypeError(fmt::format("{}: input is {} values, weights expect {}", op, src[1], weights[1]));
  TensorType result = matrix(op, src[0], weights[0]);
  expect_epilogue_operands(op, attributes.epilogue, operands.subspan(2), result.dims);
  return {std::move(result)};
}

void Dense::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& weights = frame.operand(1);
  Tensor& dst = frame.result();
  const int64_t outputs = weights.dims[0];
  const int64_t inputs = weights.dims[1];
  const std::vector<EpilogueKind> kinds = operand_kinds(attributes.epilogue);
  for (int64_t n = 0; n < src.dims[0]; ++n)
    for (int64_t m = 0; m < outputs; ++m) {
      double sum = 0;
      for (int64_t k = 0; k < inputs; ++k) sum += src[n * inputs + k] * weights[m * inputs + k];
      const int64_t element = n * outputs + m;
      dst[element] = apply_epilogue(attributes.epilogue, sum, [&](int64_t i) {
        const auto at = static_cast<size_t>(i);
        return epilogue_operand_at(kinds[at], frame.operand(2 + at), element, m);
      });
    }
}

void Dense::gradient(GradientBuilder& builder, const Node& node) {
  if (!node.attributes<Dense>().epilogue.empty())
    throw std::logic_error("dense: differentiate must run before epilogues are fused");
  Value& ddst = *builder.result_gradient();
  if (builder.wants(0))
    builder.set_operand_gradient(0, builder.create<DenseBackwardData>({}, {&node.operand(1), &ddst}, "backward_data"));
  if (builder.wants(1))
    builder.set_operand_gradient(
        1, builder.create<DenseBackwardWeights>({}, {&node.operand(0), &ddst}, "backward_weights"));
}

int64_t Dense::flops(const Node& node) { return count_flops(node.operand(1).type.dims, node.operand(0).type.dims[0]); }

std::vector<TensorType> DenseBackwardData::infer(const Attributes&, Operands operands) {
  const auto op = info<DenseBackwardData>().name;
  expect_count(op, operands, {"weights", "ddst"});
  expect_matrix(op, "weights", operands[0]);
  expect_matrix(op, "ddst", operands[1]);
  const Dims& weights = operands[0].dims;
  const Dims& ddst = operands[1].dims;
  if (ddst[1] != weights[0])
    throw TypeError(fmt::format("{}: ddst is {} values, weights produce {}", op, ddst[1], weights[0]));
  return {matrix(op, ddst[0], weights[1])};
}

void DenseBackwardData::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& weights = frame.operand(0);
  const Tensor& ddst = frame.operand(1);
  Tensor& dsrc = frame.result();
  const int64_t outputs = weights.dims[0];
  const int64_t inputs = weights.dims[1];
  for (int64_t n = 0; n < ddst.dims[0]; ++n)
    for (int64_t m = 0; m < outputs; ++m)
      for (int64_t k = 0; k < inputs; ++k) dsrc[n * inputs + k] += ddst[n * outputs + m] * weights[m * inputs + k];
}

int64_t DenseBackwardData::flops(const Node& node) {
  return count_flops(node.operand(0).type.dims, node.operand(1).type.dims[0]);
}

std::vector<TensorType> DenseBackwardWeights::infer(const Attributes&, Operands operands) {
  const auto op = info<DenseBackwardWeights>().name;
  expect_count(op, operands, {"src", "ddst"});
  expect_matrix(op, "src", operands[0]);
  expect_matrix(op, "ddst", operands[1]);
  const Dims& src = operands[0].dims;
  const Dims& ddst = operands[1].dims;
  if (src[0] != ddst[0]) throw TypeError(fmt::format("{}: src has {} samples, ddst has {}", op, src[0], ddst[0]));
  return {matrix(op, ddst[1], src[1])};
}

void DenseBackwardWeights::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& ddst = frame.operand(1);
  Tensor& dweights = frame.result();
  const int64_t inputs = src.dims[1];
  const int64_t outputs = ddst.dims[1];
  for (int64_t n = 0; n < src.dims[0]; ++n)
    for (int64_t m = 0; m < outputs; ++m)
      for (int64_t k = 0; k < inputs; ++k) dweights[m * inputs + k] += ddst[n * outputs + m] * src[n * inputs + k];
}

int64_t DenseBackwardWeights::flops(const Node& node) {
  return count_flops(node.result().type.dims, node.operand(0).type.dims[0]);
}

} // namespace kiln::ir
