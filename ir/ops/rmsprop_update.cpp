// RmspropUpdate: one step of RMSProp, which divides by the root of a running mean of squared gradients.
// Its check.
#include "ir/ops/rmsprop_update.h"

namespace kiln::ir {

void RmspropUpdate::check(const Attributes& attributes) {
  const auto op = info<RmspropUpdate>().name;
  check_share(op, "decay", attributes.decay);
  check_share(op, "momentum", attributes.momentum);
  check_epsilon(op, attributes.epsilon);
}

} // namespace kiln::ir
