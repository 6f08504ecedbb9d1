// AdadeltaUpdate: one step of AdaDelta, whose steps have the size of the steps so far.
// As codegen/emit/parameter_update.h says.
#include "ir/ops/adadelta_update.h"

#include "codegen/emit/parameter_update.h"

namespace kiln::codegen {

template <> void emit<ir::AdadeltaUpdate>(Emission& emission) { launch_update<ir::AdadeltaUpdate>(emission); }

} // namespace kiln::codegen
