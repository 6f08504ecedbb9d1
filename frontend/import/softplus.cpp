// softplus: its message, which says nothing, to the op of that name.
// Takes any shape.
#include "ir/ops/softplus.h"

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Softplus&, LayerImport& import) {
  if (!import.ready()) return nullptr;
  return &import.create<ir::Softplus>({}, {&import.input()});
}

} // namespace kiln::frontend
