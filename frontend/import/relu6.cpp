// relu6: its message, which says nothing, to a clip between 0 and 6.
// Takes any shape.
#include "frontend/import/layer_import.h"
#include "ir/ops/clip.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Relu6&, LayerImport& import) {
  if (!import.ready()) return nullptr;
  return &import.create<ir::Clip>({.min = 0, .max = 6}, {&import.input()});
}

} // namespace kiln::frontend
