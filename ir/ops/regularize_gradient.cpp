// RegularizeGradient: adds the gradient of a penalty on a parameter to the gradient of the loss.
// Its check.
#include "ir/ops/regularize_gradient.h"

#include "ir/ops/parameter_update.h"

namespace kiln::ir {

void RegularizeGradient::check(const Attributes& attributes) {
  check_factor(info<RegularizeGradient>().name, "l1", attributes.l1);
  check_factor(info<RegularizeGradient>().name, "l2", attributes.l2);
}

} // namespace kiln::ir
