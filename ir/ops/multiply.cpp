// Multiply: the product of two tensors.
// Its gradient rule.
#include "ir/ops/multiply.h"

namespace kiln::ir {

void Multiply::gradient(GradientBuilder& builder, const Node& node) {
  for (size_t i = 0; i < arity; ++i) {
    if (!builder.wants(i)) continue;
    Value& product = builder.create<Multiply>({}, {builder.result_gradient(), &node.operand(1 - i)},
                                              i == 0 ? "backward_a" : "backward_b");
    builder.set_operand_gradient(i, sum_to(builder, product, node.operand(i).type.dims));
  }
}

} // namespace kiln::ir
