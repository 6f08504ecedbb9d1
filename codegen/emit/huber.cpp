// Huber: squared near 0 and absolute further out, a value per sample; and its gradient, row by row.
// Both follow from their formulas.
#include "ir/ops/huber.h"

#include "codegen/emit/mean_loss.h"

namespace kiln::codegen {

template <> void emit<ir::Huber>(Emission& emission) { emit_mean_loss<ir::Huber>(emission); }

template <> void emit<ir::HuberBackward>(Emission& emission) { emit_mean_loss_backward<ir::HuberBackward>(emission); }

} // namespace kiln::codegen
