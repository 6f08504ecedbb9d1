// Clip: keeps values between two bounds.
// The rule for bounds, and the gradient rule.
#include "ir/ops/clip.h"

namespace kiln::ir {

namespace {

// As the formulas see them: two doubles may round to one float.
void check_bounds(std::string_view op, double min, double max) {
  if (!(static_cast<float>(min) < static_cast<float>(max)))
    refuse(op, "min", fmt::format("less than max, {}", max), fmt::to_string(min));
}

} // namespace

void Clip::check(const Attributes& attributes) { check_bounds(info<Clip>().name, attributes.min, attributes.max); }

void Clip::gradient(GradientBuilder& builder, const Node& node) {
  const auto& attributes = node.attributes<Clip>();
  pass_back_from_result<ClipBackward>(builder, node, {.min = attributes.min, .max = attributes.max});
}

void ClipBackward::check(const Attributes& attributes) {
  check_bounds(info<ClipBackward>().name, attributes.min, attributes.max);
}

} // namespace kiln::ir
