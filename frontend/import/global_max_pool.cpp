// global_max_pool: its message to max_pool over the whole image.
// The windows are as large as the image, so they neither overlap nor leave anything out.
#include "frontend/import/window.h"
#include "ir/ops/max_pool.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::GlobalMaxPool&, LayerImport& import) {
  if (import.input_known()) expect_image(import);
  if (!import.ready()) return nullptr;
  return &import.create<ir::MaxPool>({whole_image(import.input_dims())}, {&import.input()});
}

} // namespace kiln::frontend
