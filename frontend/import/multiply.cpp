// multiply: the product of its inputs.
// A chain of products where there are more than two.
#include "ir/ops/multiply.h"

#include "frontend/import/combine.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Multiply&, LayerImport& import) { return combine_inputs<ir::Multiply>(import); }

} // namespace kiln::frontend
