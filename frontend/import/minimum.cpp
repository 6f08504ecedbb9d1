// minimum: the smallest of its inputs.
// A chain of minima where there are more than two.
#include "ir/ops/minimum.h"

#include "frontend/import/combine.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Minimum&, LayerImport& import) { return combine_inputs<ir::Minimum>(import); }

} // namespace kiln::frontend
