// Abs: the value without its sign.
// Its gradient rule.
#include "ir/ops/abs.h"

namespace kiln::ir {

void Abs::gradient(GradientBuilder& builder, const Node& node) { pass_back_from_operand<AbsBackward>(builder, node); }

} // namespace kiln::ir
