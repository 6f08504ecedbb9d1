// SgdUpdate: one step of stochastic gradient descent with momentum and weight decay on one parameter.
// Its check.
#include "ir/ops/sgd_update.h"

namespace kiln::ir {

void SgdUpdate::check(const Attributes& attributes) {
  check_factor(info<SgdUpdate>().name, "momentum", attributes.momentum);
}

} // namespace kiln::ir
