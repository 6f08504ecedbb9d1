// LimitNorm: keeps the incoming weights of every neuron within a Euclidean norm.
// Shape rule and reference.
#include "ir/ops/limit_norm.h"

#include "ir/ops/parameter_update.h"

#include <cmath>

namespace kiln::ir {

std::vector<TensorType> LimitNorm::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<LimitNorm>().name;
  expect_count(op, operands, {"param"});
  expect_dtype(op, "param", operands[0], DType::f32);
  if (operands[0].rank() < 2) refuse(op, "param", "rank 2 or more", to_string(operands[0]));
  if (!(attributes.norm >= 1e-15 && attributes.norm <= 1e15))
    refuse(op, "norm", "1e-15 to 1e15", fmt::to_string(attributes.norm));
  return {};
}

void LimitNorm::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  if (frame.writable[0] == nullptr)
    refuse(info<LimitNorm>().name, "param", "a state", "a value that cannot be written");
  Tensor& param = *frame.writable[0];
  const int64_t rows = param.dims[0], columns = param.elements() / rows;
  for (int64_t row = 0; row < rows; ++row) {
    double squares = 0;
    for (int64_t i = 0; i < columns; ++i) squares += param[row * columns + i] * param[row * columns + i];
    if (squares <= attributes.norm * attributes.norm) continue;
    for (int64_t i = 0; i < columns; ++i) param[row * columns + i] *= attributes.norm / std::sqrt(squares);
  }
}

int64_t LimitNorm::flops(const Node& node) { return 3 * node.operand(0).type.elements(); }

} // namespace kiln::ir
