// Reciprocal: one over the value.
// Its gradient rule.
#include "ir/ops/reciprocal.h"

namespace kiln::ir {

void Reciprocal::gradient(GradientBuilder& builder, const Node& node) {
  pass_back_from_result<ReciprocalBackward>(builder, node);
}

} // namespace kiln::ir
