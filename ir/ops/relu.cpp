// Relu: the rectifier.
// Its gradient rule.
#include "ir/ops/relu.h"

namespace kiln::ir {

void Relu::gradient(GradientBuilder& builder, const Node& node) { pass_back_from_result<ReluBackward>(builder, node); }

} // namespace kiln::ir
