// Maximum: the greater of two values, one by one.
// Its gradient rule.
#include "ir/ops/maximum.h"

namespace kiln::ir {

void Maximum::gradient(GradientBuilder& builder, const Node& node) {
  for (size_t i = 0; i < arity; ++i) {
    if (!builder.wants(i)) continue;
    Value& share = builder.create<MaximumBackward>(
        {}, {&node.operand(i), &node.operand(1 - i), builder.result_gradient()}, i == 0 ? "backward_a" : "backward_b");
    builder.set_operand_gradient(i, sum_to(builder, share, node.operand(i).type.dims));
  }
}

} // namespace kiln::ir
