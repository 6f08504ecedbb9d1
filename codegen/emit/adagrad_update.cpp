// AdagradUpdate: one step of AdaGrad, which divides by the root of all squared gradients so far.
// As codegen/emit/parameter_update.h says.
#include "ir/ops/adagrad_update.h"

#include "codegen/emit/parameter_update.h"

namespace kiln::codegen {

template <> void emit<ir::AdagradUpdate>(Emission& emission) { launch_update<ir::AdagradUpdate>(emission); }

} // namespace kiln::codegen
