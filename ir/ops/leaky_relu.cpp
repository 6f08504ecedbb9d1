// LeakyRelu: a rectifier that lets a share of negative values through.
// The rule for slopes, and the gradient rule.
#include "ir/ops/leaky_relu.h"

#include <cmath>

namespace kiln::ir {

namespace {

void check_slope(std::string_view op, double slope) {
  if (!(slope >= 0) || std::isinf(slope)) refuse(op, "slope", "finite and at least 0", fmt::to_string(slope));
}

} // namespace

void LeakyRelu::check(const Attributes& attributes) { check_slope(info<LeakyRelu>().name, attributes.slope); }

void LeakyRelu::gradient(GradientBuilder& builder, const Node& node) {
  pass_back_from_result<LeakyReluBackward>(builder, node, {.slope = node.attributes<LeakyRelu>().slope});
}

void LeakyReluBackward::check(const Attributes& attributes) {
  check_slope(info<LeakyReluBackward>().name, attributes.slope);
}

} // namespace kiln::ir
