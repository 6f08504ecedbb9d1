// Exp: the exponential.
// Its gradient rule.
#include "ir/ops/exp.h"

#include "ir/ops/multiply.h"

namespace kiln::ir {

void Exp::gradient(GradientBuilder& builder, const Node& node) { pass_back_from_result<Multiply>(builder, node); }

} // namespace kiln::ir
