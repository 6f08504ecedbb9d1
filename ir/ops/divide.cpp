// Divide: the quotient of two tensors.
// Its gradient rule.
#include "ir/ops/divide.h"

namespace kiln::ir {

void Divide::gradient(GradientBuilder& builder, const Node& node) {
  Value* dy = builder.result_gradient();
  Value& divisor = node.operand(1);
  if (builder.wants(0)) {
    Value& quotient = builder.create<Divide>({}, {dy, &divisor}, "backward_a");
    builder.set_operand_gradient(0, sum_to(builder, quotient, node.operand(0).type.dims));
  }
  if (builder.wants(1)) {
    Value& product = builder.create<DivideBackwardDivisor>({}, {&node.result(), &divisor, dy}, "backward_b");
    builder.set_operand_gradient(1, sum_to(builder, product, divisor.type.dims));
  }
}

} // namespace kiln::ir
