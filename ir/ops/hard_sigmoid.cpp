// HardSigmoid: the sigmoid in straight lines.
// The rule for the line, and the gradient rule.
#include "ir/ops/hard_sigmoid.h"

#include <cmath>

namespace kiln::ir {

namespace {

void check_line(std::string_view op, double alpha, double beta) {
  if (!(alpha > 0) || std::isinf(alpha)) refuse(op, "alpha", "finite and above 0", fmt::to_string(alpha));
  if (!std::isfinite(beta)) refuse(op, "beta", "a finite value", fmt::to_string(beta));
}

} // namespace

void HardSigmoid::check(const Attributes& attributes) {
  check_line(info<HardSigmoid>().name, attributes.alpha, attributes.beta);
}

void HardSigmoid::gradient(GradientBuilder& builder, const Node& node) {
  const auto& attributes = node.attributes<HardSigmoid>();
  pass_back_from_result<HardSigmoidBackward>(builder, node, {.alpha = attributes.alpha, .beta = attributes.beta});
}

void HardSigmoidBackward::check(const Attributes& attributes) {
  check_line(info<HardSigmoidBackward>().name, attributes.alpha, attributes.beta);
}

} // namespace kiln::ir
