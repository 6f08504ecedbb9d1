// Gelu: the Gaussian error linear unit.
// Its gradient rule.
#include "ir/ops/gelu.h"

namespace kiln::ir {

void Gelu::gradient(GradientBuilder& builder, const Node& node) { pass_back_from_operand<GeluBackward>(builder, node); }

} // namespace kiln::ir
