// Huber: squared near 0 and absolute further out.
// The rule for delta.
#include "ir/ops/huber.h"

#include <cmath>

namespace kiln::ir {

namespace {

void check_delta(std::string_view op, double delta) {
  if (!(static_cast<float>(delta) > 0) || std::isinf(delta))
    refuse(op, "delta", "finite and above 0", fmt::to_string(delta));
}

} // namespace

void Huber::check(const Attributes& attributes) { check_delta(info<Huber>().name, attributes.delta); }

void HuberBackward::check(const Attributes& attributes) { check_delta(info<HuberBackward>().name, attributes.delta); }

} // namespace kiln::ir
