// Sigmoid cross-entropy: the loss of classes that do not exclude each other, a value per sample; and its gradient.
// The rule for pos_weight.
#include "ir/ops/sigmoid_cross_entropy.h"

#include <cmath>

namespace kiln::ir {

namespace {

void check_weight(std::string_view op, double weight) {
  if (!(static_cast<float>(weight) > 0) || std::isinf(static_cast<float>(weight)))
    refuse(op, "pos_weight", "finite and above 0", fmt::to_string(weight));
}

} // namespace

void SigmoidCrossEntropy::check(const Attributes& attributes) {
  check_weight(info<SigmoidCrossEntropy>().name, attributes.pos_weight);
}

void SigmoidCrossEntropyBackward::check(const Attributes& attributes) {
  check_weight(info<SigmoidCrossEntropyBackward>().name, attributes.pos_weight);
}

} // namespace kiln::ir
