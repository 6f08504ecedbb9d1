// A tensor seen along one of its dims.
#include "ir/ops/axis.h"

#include "ir/ops/pixels.h"

namespace kiln::ir {

AxisView::AxisView(const Dims& dims, int64_t axis) {
  for (size_t d = 0; d < dims.size(); ++d) {
    const auto dim = static_cast<int64_t>(d);
    (dim < axis ? outer : dim == axis ? size : inner) *= dims[d];
  }
}

void expect_axis(std::string_view op, int64_t axis, const TensorType& operand) {
  if (axis < 0 || axis >= operand.rank())
    refuse(op, "axis", fmt::format("0 to {}", operand.rank() - 1), fmt::to_string(axis));
}

namespace {

void expect_operand(std::string_view op, std::string_view what, int64_t axis, const TensorType& operand) {
  expect_dtype(op, what, operand, DType::f32);
  if (operand.rank() > kMostRank) refuse(op, what, fmt::format("at most {} dims", kMostRank), to_string(operand));
  expect_axis(op, axis, operand);
}

} // namespace

std::vector<TensorType> infer_along_axis(std::string_view op, int64_t axis, Operands operands) {
  expect_count(op, operands, {"src"});
  expect_operand(op, "src", axis, operands[0]);
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

std::vector<TensorType> infer_along_axis_backward(std::string_view op, int64_t axis, Operands operands) {
  expect_count(op, operands, {"y", "dy"});
  expect_operand(op, "y", axis, operands[0]);
  expect_type(op, "dy", operands[1], DType::f32, operands[0].dims);
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

} // namespace kiln::ir
