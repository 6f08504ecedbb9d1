// ReduceSum: sums over stated axes.
// The reference sums in logical order in double.
#include "ir/ops/reduce_sum.h"

#include "ir/ops/expand.h"

namespace kiln::ir {

std::vector<TensorType> ReduceSum::infer(const Attributes& attributes, Operands operands) {
  return infer_reduction(info<ReduceSum>().name, attributes, operands);
}

void ReduceSum::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  sum_over_axes(attributes, frame.operand(0), frame.result());
}

void ReduceSum::gradient(GradientBuilder& builder, const Node& node) {
  Value& dy = stretchable_gradient(builder, node, node.attributes<ReduceSum>());
  builder.set_operand_gradient(0, builder.create<Expand>({.dims = node.operand(0).type.dims}, {&dy}, "backward"));
}

int64_t ReduceSum::flops(const Node& node) { return node.operand(0).type.elements(); }

} // namespace kiln::ir
