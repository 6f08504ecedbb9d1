// AdadeltaUpdate: one step of AdaDelta, whose steps have the size of the steps so far.
// Its check.
#include "ir/ops/adadelta_update.h"

namespace kiln::ir {

void AdadeltaUpdate::check(const Attributes& attributes) {
  const auto op = info<AdadeltaUpdate>().name;
  check_share(op, "decay", attributes.decay);
  check_epsilon(op, attributes.epsilon);
}

} // namespace kiln::ir
