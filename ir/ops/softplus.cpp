// Softplus: a smooth rectifier.
// Its gradient rule.
#include "ir/ops/softplus.h"

namespace kiln::ir {

void Softplus::gradient(GradientBuilder& builder, const Node& node) {
  pass_back_from_result<SoftplusBackward>(builder, node);
}

} // namespace kiln::ir
