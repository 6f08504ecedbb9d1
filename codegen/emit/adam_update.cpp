// AdamUpdate: one step of Adam, or of AdamW, whose weight decay does not pass through the moments.
// As codegen/emit/parameter_update.h says.
#include "ir/ops/adam_update.h"

#include "codegen/emit/parameter_update.h"

namespace kiln::codegen {

template <> void emit<ir::AdamUpdate>(Emission& emission) { launch_update<ir::AdamUpdate>(emission); }

} // namespace kiln::codegen
