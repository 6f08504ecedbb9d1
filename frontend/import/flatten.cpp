// flatten: an image becomes a row of values; a row stays as it is.
// Nothing moves in memory as long as the layout is plain.
#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Flatten&, LayerImport& import) {
  return import.ready() ? &import.rows("") : nullptr;
}

} // namespace kiln::frontend
