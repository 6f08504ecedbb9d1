// Sigmoid cross-entropy: the loss of classes that do not exclude each other, a value per sample; and its gradient, row
// by row. Both follow from their formulas.
#include "ir/ops/sigmoid_cross_entropy.h"

#include "codegen/emit/mean_loss.h"

namespace kiln::codegen {

template <> void emit<ir::SigmoidCrossEntropy>(Emission& emission) {
  emit_mean_loss<ir::SigmoidCrossEntropy>(emission);
}

template <> void emit<ir::SigmoidCrossEntropyBackward>(Emission& emission) {
  emit_mean_loss_backward<ir::SigmoidCrossEntropyBackward>(emission);
}

} // namespace kiln::codegen
