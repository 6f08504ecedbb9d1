// Tanh: the hyperbolic tangent.
// Its gradient rule.
#include "ir/ops/tanh.h"

namespace kiln::ir {

void Tanh::gradient(GradientBuilder& builder, const Node& node) { pass_back_from_result<TanhBackward>(builder, node); }

} // namespace kiln::ir
