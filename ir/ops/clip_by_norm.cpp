// ClipByNorm: scales a gradient down where all gradients together are too long.
// Shape rule and reference.
#include "ir/ops/clip_by_norm.h"

#include "ir/ops/parameter_update.h"

#include <cmath>

namespace kiln::ir {

std::vector<TensorType> ClipByNorm::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<ClipByNorm>().name;
  expect_count(op, operands, {"src", "squares"});
  expect_dtype(op, "src", operands[0], DType::f32);
  expect_type(op, "squares", operands[1], DType::f32, {1});
  if (!(attributes.norm >= 1e-15 && attributes.norm <= 1e15))
    refuse(op, "norm", "1e-15 to 1e15", fmt::to_string(attributes.norm));
  return {operands[0]};
}

void ClipByNorm::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const double squares = frame.operand(1)[0];
  const bool is_long = squares > attributes.norm * attributes.norm && squares < 3.0e38;
  const double factor = is_long ? attributes.norm / std::sqrt(squares) : 1;
  for (int64_t i = 0; i < frame.result().elements(); ++i) frame.result()[i] = frame.operand(0)[i] * factor;
}

int64_t ClipByNorm::flops(const Node& node) { return node.operand(0).type.elements(); }

} // namespace kiln::ir
