// Sigmoid: the logistic function.
// Its gradient rule.
#include "ir/ops/sigmoid.h"

namespace kiln::ir {

void Sigmoid::gradient(GradientBuilder& builder, const Node& node) {
  pass_back_from_result<SigmoidBackward>(builder, node);
}

} // namespace kiln::ir
