// L1: the mean absolute error, a value per sample; and its gradient, row by row.
// Both follow from their formulas.
#include "ir/ops/l1.h"

#include "codegen/emit/mean_loss.h"

namespace kiln::codegen {

template <> void emit<ir::L1>(Emission& emission) { emit_mean_loss<ir::L1>(emission); }

template <> void emit<ir::L1Backward>(Emission& emission) { emit_mean_loss_backward<ir::L1Backward>(emission); }

} // namespace kiln::codegen
