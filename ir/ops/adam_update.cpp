// AdamUpdate: one step of Adam, or of AdamW, whose weight decay does not pass through the moments.
// Its check.
#include "ir/ops/adam_update.h"

namespace kiln::ir {

void AdamUpdate::check(const Attributes& attributes) {
  const auto op = info<AdamUpdate>().name;
  check_share(op, "beta1", attributes.beta1);
  check_share(op, "beta2", attributes.beta2);
  check_epsilon(op, attributes.epsilon);
}

} // namespace kiln::ir
