// ReduceMean: the mean of all elements; and its gradient.
// The reference sums in logical order in double.
#include "ir/ops/reduce_mean.h"

#include "ir/ops/expect.h"

#include <algorithm>
#include <numeric>

namespace kiln::ir {

std::vector<TensorType> ReduceMean::infer(const Attributes&, Operands operands) {
  const auto op = info<ReduceMean>().name;
  expect_count(op, operands, {"src"});
  expect_dtype(op, "src", operands[0], DType::f32);
  return {TensorType{DType::f32, {1}, {}}};
}

void ReduceMean::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const double sum = std::accumulate(src.data.begin(), src.data.end(), 0.0);
  frame.result()[0] = sum / static_cast<double>(src.elements());
}

void ReduceMean::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(0, builder.create<ReduceMeanBackward>({.dims = node.operand(0).type.dims},
                                                                     {builder.result_gradient()}, "backward"));
}

int64_t ReduceMean::flops(const Node& node) { return node.operand(0).type.elements(); }

std::vector<TensorType> ReduceMeanBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<ReduceMeanBackward>().name;
  expect_count(op, operands, {"dy"});
  expect_type(op, "dy", operands[0], DType::f32, {1});
  expect_dims(op, "dims", attributes.dims);
  return {TensorType{DType::f32, attributes.dims, {}}};
}

void ReduceMeanBackward::evaluate(const Attributes&, EvaluationFrame& frame) {
  Tensor& dsrc = frame.result();
  std::fill(dsrc.data.begin(), dsrc.data.end(), frame.operand(0)[0] / static_cast<double>(dsrc.elements()));
}

} // namespace kiln::ir
