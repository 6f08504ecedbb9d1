// Selu: the scaled exponential linear unit.
// Its gradient rule.
#include "ir/ops/selu.h"

namespace kiln::ir {

void Selu::gradient(GradientBuilder& builder, const Node& node) { pass_back_from_result<SeluBackward>(builder, node); }

} // namespace kiln::ir
