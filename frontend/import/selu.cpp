// selu: its message, which says nothing, to the op of that name.
// Takes any shape.
#include "ir/ops/selu.h"

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Selu&, LayerImport& import) {
  if (!import.ready()) return nullptr;
  return &import.create<ir::Selu>({}, {&import.input()});
}

} // namespace kiln::frontend
