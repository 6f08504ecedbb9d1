// Subtract: the difference of two tensors.
// Its gradient rule: what is subtracted gets the negative, taken after the sum over what was stretched.
#include "ir/ops/subtract.h"

#include "ir/ops/negate.h"

namespace kiln::ir {

void Subtract::gradient(GradientBuilder& builder, const Node& node) {
  Value& dy = *builder.result_gradient();
  if (builder.wants(0)) builder.set_operand_gradient(0, sum_to(builder, dy, node.operand(0).type.dims));
  if (!builder.wants(1)) return;
  Value& sum = sum_to(builder, dy, node.operand(1).type.dims);
  builder.set_operand_gradient(1, builder.create<Negate>({}, {&sum}, "backward_b"));
}

} // namespace kiln::ir
