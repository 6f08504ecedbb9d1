// softmax: its message to the op of that name, over the values of a row or the channels of each pixel.
// Other axes are for the op alone: no network of images asks for them.
#include "ir/ops/softmax.h"

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Softmax&, LayerImport& import) {
  return import.ready() ? &import.create<ir::Softmax>({}, {&import.input()}) : nullptr;
}

} // namespace kiln::frontend
