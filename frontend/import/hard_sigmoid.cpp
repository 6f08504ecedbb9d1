// hard_sigmoid: its message, which says nothing, to the op of that name.
// Takes any shape.
#include "ir/ops/hard_sigmoid.h"

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::HardSigmoid&, LayerImport& import) {
  if (!import.ready()) return nullptr;
  return &import.create<ir::HardSigmoid>({}, {&import.input()});
}

} // namespace kiln::frontend
