// subtract: the first input less the second.
// Which sizes go together: combine.h.
#include "ir/ops/subtract.h"

#include "frontend/import/combine.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Subtract&, LayerImport& import) { return combine_inputs<ir::Subtract>(import); }

} // namespace kiln::frontend
