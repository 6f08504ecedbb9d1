// Sqrt: the square root.
// Its gradient rule.
#include "ir/ops/sqrt.h"

namespace kiln::ir {

void Sqrt::gradient(GradientBuilder& builder, const Node& node) { pass_back_from_result<SqrtBackward>(builder, node); }

} // namespace kiln::ir
