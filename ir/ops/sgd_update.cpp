// SgdUpdate: one step of stochastic gradient descent with momentum and weight decay on one parameter.
// An effect: it writes the parameter and its velocity and has no result.
#include "ir/ops/sgd_update.h"

#include <cmath>

namespace kiln::ir {

namespace {

void check_factor(std::string_view op, std::string_view what, double value) {
  if (!(value >= 0) || std::isinf(value)) refuse(op, what, "finite and at least 0", fmt::to_string(value));
}

} // namespace

std::vector<TensorType> SgdUpdate::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<SgdUpdate>().name;
  expect_count(op, operands, {"param", "velocity", "gradient", "learning_rate"});
  expect_dtype(op, "param", operands[0], DType::f32);
  expect_type(op, "velocity", operands[1], DType::f32, operands[0].dims);
  expect_type(op, "gradient", operands[2], DType::f32, operands[0].dims);
  expect_type(op, "learning_rate", operands[3], DType::f32, {1});
  check_factor(op, "momentum", attributes.momentum);
  check_factor(op, "weight_decay", attributes.weight_decay);
  check_factor(op, "lr_multiplier", attributes.lr_multiplier);
  return {};
}

void SgdUpdate::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  if (frame.writable[0] == nullptr || frame.writable[1] == nullptr)
    refuse(info<SgdUpdate>().name, "param and velocity", "states", "values that cannot be written");
  Tensor& param = *frame.writable[0];
  Tensor& velocity = *frame.writable[1];
  const Tensor& gradient = frame.operand(2);
  const double rate = frame.operand(3)[0];
  for (int64_t i = 0; i < param.elements(); ++i)
    formula<double>(attributes, param[i], velocity[i], gradient[i], rate, param[i], velocity[i]);
}

int64_t SgdUpdate::flops(const Node& node) { return 6 * node.operand(0).type.elements(); }

} // namespace kiln::ir
