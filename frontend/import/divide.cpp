// divide: the first input over the second.
// Which sizes go together: combine.h.
#include "ir/ops/divide.h"

#include "frontend/import/combine.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Divide&, LayerImport& import) { return combine_inputs<ir::Divide>(import); }

} // namespace kiln::frontend
