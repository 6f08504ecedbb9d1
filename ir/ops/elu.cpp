// Elu: the exponential linear unit.
// The rule for alpha, and the gradient rule.
#include "ir/ops/elu.h"

#include <cmath>

namespace kiln::ir {

namespace {

void check_alpha(std::string_view op, double alpha) {
  if (!(alpha >= 0) || std::isinf(alpha)) refuse(op, "alpha", "finite and at least 0", fmt::to_string(alpha));
}

} // namespace

void Elu::check(const Attributes& attributes) { check_alpha(info<Elu>().name, attributes.alpha); }

void Elu::gradient(GradientBuilder& builder, const Node& node) {
  pass_back_from_result<EluBackward>(builder, node, {.alpha = node.attributes<Elu>().alpha});
}

void EluBackward::check(const Attributes& attributes) { check_alpha(info<EluBackward>().name, attributes.alpha); }

} // namespace kiln::ir
