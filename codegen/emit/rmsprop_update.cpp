// RmspropUpdate: one step of RMSProp, which divides by the root of a running mean of squared gradients.
// As codegen/emit/parameter_update.h says.
#include "ir/ops/rmsprop_update.h"

#include "codegen/emit/parameter_update.h"

namespace kiln::codegen {

template <> void emit<ir::RmspropUpdate>(Emission& emission) { launch_update<ir::RmspropUpdate>(emission); }

} // namespace kiln::codegen
