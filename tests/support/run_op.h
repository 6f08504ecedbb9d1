// One op on tensors, by its reference: what tests of an op's values by hand are made of.
#pragma once

#include "ir/evaluate.h"
#include "ir/op.h"

#include <gtest/gtest.h>
#include <utility>
#include <vector>

namespace kiln::test {

inline ir::Tensor tensor(ir::Dims dims, std::vector<double> data) {
  ir::Tensor made(std::move(dims));
  EXPECT_EQ(made.data.size(), data.size());
  made.data = std::move(data);
  return made;
}

// The first result of an op on operands of these types.
template <class Op> ir::Tensor run_op(const typename Op::Attributes& attributes,
                                      const std::vector<ir::Tensor>& operands,
                                      const std::vector<ir::TensorType>& types) {
  ir::EvaluationFrame frame;
  for (const ir::Tensor& operand : operands) frame.operands.push_back(&operand);
  ir::Tensor result(Op::infer(attributes, types).at(0).dims);
  frame.results = {&result};
  Op::evaluate(attributes, frame);
  return result;
}

// On operands that are all f32.
template <class Op>
ir::Tensor run_op(const typename Op::Attributes& attributes, const std::vector<ir::Tensor>& operands) {
  std::vector<ir::TensorType> types;
  for (const ir::Tensor& operand : operands) types.push_back({ir::DType::f32, operand.dims, {}});
  return run_op<Op>(attributes, operands, types);
}

} // namespace kiln::test
