// Negate: the value with its sign turned.
// Its gradient rule.
#include "ir/ops/negate.h"

namespace kiln::ir {

void Negate::gradient(GradientBuilder& builder, const Node&) {
  builder.set_operand_gradient(0, builder.create<Negate>({}, {builder.result_gradient()}, "backward"));
}

} // namespace kiln::ir
