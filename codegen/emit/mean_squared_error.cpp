// Mean squared error: the loss of a regression, a value per sample; and its gradient, row by row.
// Both follow from their formulas.
#include "ir/ops/mean_squared_error.h"

#include "codegen/emit/mean_loss.h"

namespace kiln::codegen {

template <> void emit<ir::MeanSquaredError>(Emission& emission) { emit_mean_loss<ir::MeanSquaredError>(emission); }

template <> void emit<ir::MeanSquaredErrorBackward>(Emission& emission) {
  emit_mean_loss_backward<ir::MeanSquaredErrorBackward>(emission);
}

} // namespace kiln::codegen
