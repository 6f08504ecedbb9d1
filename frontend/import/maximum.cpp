// maximum: the largest of its inputs.
// A chain of maxima where there are more than two.
#include "ir/ops/maximum.h"

#include "frontend/import/combine.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Maximum&, LayerImport& import) { return combine_inputs<ir::Maximum>(import); }

} // namespace kiln::frontend
