// HardSwish: silu in straight lines.
// Its gradient rule.
#include "ir/ops/hard_swish.h"

namespace kiln::ir {

void HardSwish::gradient(GradientBuilder& builder, const Node& node) {
  pass_back_from_operand<HardSwishBackward>(builder, node);
}

} // namespace kiln::ir
