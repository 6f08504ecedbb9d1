// Penalty: what weights add to what is minimised; and the sum of squares that clipping gradients goes by.
// Shape rule and reference.
#include "ir/ops/penalty.h"

#include "ir/ops/parameter_update.h"

#include <cmath>

namespace kiln::ir {

std::vector<TensorType> Penalty::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Penalty>().name;
  expect_count(op, operands, {"src"});
  expect_dtype(op, "src", operands[0], DType::f32);
  check_factor(op, "l1", attributes.l1);
  check_factor(op, "l2", attributes.l2);
  return {TensorType{DType::f32, {1}, {}}};
}

void Penalty::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  double sum = 0;
  for (const double x : frame.operand(0).data) sum += attributes.l1 * std::abs(x) + attributes.l2 / 2 * x * x;
  frame.result()[0] = sum;
}

int64_t Penalty::flops(const Node& node) { return 4 * node.operand(0).type.elements(); }

} // namespace kiln::ir
