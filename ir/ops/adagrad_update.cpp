// AdagradUpdate: one step of AdaGrad, which divides by the root of all squared gradients so far.
// Its check.
#include "ir/ops/adagrad_update.h"

namespace kiln::ir {

void AdagradUpdate::check(const Attributes& attributes) {
  const auto op = info<AdagradUpdate>().name;
  check_epsilon(op, attributes.epsilon);
}

} // namespace kiln::ir
