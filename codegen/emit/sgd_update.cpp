// SgdUpdate: one step of stochastic gradient descent with momentum and weight decay on one parameter.
// As codegen/emit/parameter_update.h says.
#include "ir/ops/sgd_update.h"

#include "codegen/emit/parameter_update.h"

namespace kiln::codegen {

template <> void emit<ir::SgdUpdate>(Emission& emission) { launch_update<ir::SgdUpdate>(emission); }

} // namespace kiln::codegen
