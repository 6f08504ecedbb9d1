// Max pooling: forward and backward find the winner of a window by the same search.
#include "ir/ops/max_pool.h"

#include "ir/ops/expect.h"

#include <cmath>

namespace kiln::ir {

namespace {

Dims infer_dst(std::string_view op, const MaxPool::Attributes& attributes, const TensorType& src) {
  expect_dtype(op, "src", src, DType::f32);
  expect_rank(op, "src", src, {4});
  expect_dims(op, "src", src.dims);
  const Size2 size = window_of(op, attributes, {src.dims[2], src.dims[3]}).output();
  Dims dst{src.dims[0], src.dims[1], size[0], size[1]};
  expect_dims(op, "result", dst);
  return dst;
}

// Calls visit(offset of the winner in src, offset in dst) for every window, in row-major order of dst.
template <class Visit> void for_each_winner(const MaxPool::Attributes& attributes, const Tensor& src, Visit visit) {
  const Window window = window_of("max_pool", attributes, {src.dims[2], src.dims[3]});
  const auto [rows, columns] = window.output();
  int64_t d = 0;
  for (int64_t plane = 0; plane < src.dims[0] * src.dims[1]; ++plane)
    for (int64_t y = 0; y < rows; ++y)
      for (int64_t x = 0; x < columns; ++x, ++d) {
        int64_t winner = -1;
        for_each_tap(window, y, x, [&](int64_t row, int64_t column) {
          const int64_t s = (plane * src.dims[2] + row) * src.dims[3] + column;
          if (winner < 0 || src[s] > src[winner] || (std::isnan(src[s]) && !std::isnan(src[winner]))) winner = s;
        });
        visit(winner, d);
      }
}

} // namespace

std::vector<TensorType> MaxPool::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<MaxPool>().name;
  expect_count(op, operands, {"src"});
  return {TensorType{DType::f32, infer_dst(op, attributes, operands[0]), {}}};
}

void MaxPool::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  for_each_winner(attributes, src, [&](int64_t winner, int64_t d) { dst[d] = src[winner]; });
}

void MaxPool::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(0, builder.create<MaxPoolBackward>(node.attributes<MaxPool>(),
                                                                  {&node.operand(0), builder.result_gradient()},
                                                                  "backward"));
}

std::vector<TensorType> MaxPoolBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<MaxPoolBackward>().name;
  expect_count(op, operands, {"src", "ddst"});
  expect_type(op, "ddst", operands[1], DType::f32, infer_dst(op, attributes, operands[0]));
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

void MaxPoolBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& ddst = frame.operand(1);
  Tensor& dsrc = frame.result();
  for_each_winner(attributes, frame.operand(0), [&](int64_t winner, int64_t d) { dsrc[winner] += ddst[d]; });
}

} // namespace kiln::ir
