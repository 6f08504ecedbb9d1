// Silu: the sigmoid-weighted linear unit.
// Its gradient rule.
#include "ir/ops/silu.h"

namespace kiln::ir {

void Silu::gradient(GradientBuilder& builder, const Node& node) { pass_back_from_operand<SiluBackward>(builder, node); }

} // namespace kiln::ir
