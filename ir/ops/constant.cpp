// Constant: a tensor filled with one value.
// The reference rounds the value to f32 first, since that is what the tensor can hold.
#include "ir/ops/constant.h"

#include "ir/ops/expect.h"

#include <algorithm>

namespace kiln::ir {

std::vector<TensorType> Constant::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Constant>().name;
  expect_count(op, operands, {});
  expect_dims(op, "dims", attributes.dims);
  return {TensorType{DType::f32, attributes.dims, {}}};
}

void Constant::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  Tensor& dst = frame.result();
  std::fill(dst.data.begin(), dst.data.end(), static_cast<float>(attributes.value));
}

} // namespace kiln::ir
