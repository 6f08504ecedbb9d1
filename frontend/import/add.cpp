// add: the sum of its inputs.
// A chain of sums where there are more than two.
#include "ir/ops/add.h"

#include "frontend/import/combine.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Add&, LayerImport& import) { return combine_inputs<ir::Add>(import); }

} // namespace kiln::frontend
