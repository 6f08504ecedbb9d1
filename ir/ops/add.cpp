// Add: the sum of two tensors of one shape.
// Its gradient rule.
#include "ir/ops/add.h"

namespace kiln::ir {

void Add::gradient(GradientBuilder& builder, const Node&) {
  for (size_t i = 0; i < arity; ++i)
    if (builder.wants(i)) builder.set_operand_gradient(i, *builder.result_gradient());
}

} // namespace kiln::ir
