// Add: the sum of two tensors.
// Its gradient rule.
#include "ir/ops/add.h"

namespace kiln::ir {

void Add::gradient(GradientBuilder& builder, const Node& node) {
  for (size_t i = 0; i < arity; ++i)
    if (builder.wants(i))
      builder.set_operand_gradient(i, sum_to(builder, *builder.result_gradient(), node.operand(i).type.dims));
}

} // namespace kiln::ir
