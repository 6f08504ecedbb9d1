// Average pooling: forward and backward walk the same windows with the same divisors.
#include "ir/ops/average_pool.h"

#include "ir/ops/expect.h"

namespace kiln::ir {

namespace {

Dims infer_dst(std::string_view op, const PoolWindow& attributes, const Dims& src) {
  expect_dims(op, "src", src);
  const Size2 size = window_of(op, attributes, {src[2], src[3]}).output();
  Dims dst{src[0], src[1], size[0], size[1]};
  expect_dims(op, "result", dst);
  return dst;
}

// Calls visit(src offset, dst offset, divisor) for every element of every window: in row-major order of dst, then of
// the window.
template <class Visit> void for_each_term(const AveragePool::Attributes& attributes, const Dims& src, Visit visit) {
  const Window window = window_of("average_pool", attributes, {src[2], src[3]});
  const auto [rows, columns] = window.output();
  int64_t d = 0;
  for (int64_t plane = 0; plane < src[0] * src[1]; ++plane)
    for (int64_t y = 0; y < rows; ++y)
      for (int64_t x = 0; x < columns; ++x, ++d) {
        const auto divisor =
            static_cast<double>(AveragePool::divisor_factor(attributes.count_include_pad, window.rows, y) *
                                AveragePool::divisor_factor(attributes.count_include_pad, window.columns, x));
        for_each_tap(window, y, x,
                     [&](int64_t row, int64_t column) { visit((plane * src[2] + row) * src[3] + column, d, divisor); });
      }
}

} // namespace

std::vector<TensorType> AveragePool::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<AveragePool>().name;
  expect_count(op, operands, {"src"});
  expect_dtype(op, "src", operands[0], DType::f32);
  expect_rank(op, "src", operands[0], {4});
  return {TensorType{DType::f32, infer_dst(op, attributes, operands[0].dims), {}}};
}

void AveragePool::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  for_each_term(attributes, src.dims, [&](int64_t s, int64_t d, double divisor) { dst[d] += src[s] / divisor; });
}

void AveragePool::gradient(GradientBuilder& builder, const Node& node) {
  const Dims& src = node.operand(0).type.dims;
  builder.set_operand_gradient(0,
                               builder.create<AveragePoolBackward>({node.attributes<AveragePool>(), {src[2], src[3]}},
                                                                   {builder.result_gradient()}, "backward"));
}

std::vector<TensorType> AveragePoolBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<AveragePoolBackward>().name;
  expect_count(op, operands, {"ddst"});
  expect_dtype(op, "ddst", operands[0], DType::f32);
  expect_rank(op, "ddst", operands[0], {4});
  const auto& [rows, columns] = attributes.src_size;
  expect_dims(op, "src_size", {rows, columns});
  Dims src{operands[0].dims[0], operands[0].dims[1], rows, columns};
  expect_type(op, "ddst", operands[0], DType::f32, infer_dst(op, attributes, src));
  return {TensorType{DType::f32, std::move(src), {}}};
}

void AveragePoolBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& ddst = frame.operand(0);
  Tensor& dsrc = frame.result();
  for_each_term(attributes, dsrc.dims, [&](int64_t s, int64_t d, double divisor) { dsrc[s] += ddst[d] / divisor; });
}

} // namespace kiln::ir
