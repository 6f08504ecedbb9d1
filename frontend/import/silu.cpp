// silu: its message, which says nothing, to the op of that name.
// Takes any shape.
#include "ir/ops/silu.h"

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Silu&, LayerImport& import) {
  if (!import.ready()) return nullptr;
  return &import.create<ir::Silu>({}, {&import.input()});
}

} // namespace kiln::frontend
