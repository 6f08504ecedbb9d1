// global_average_pool: its message to average_pool over the whole image.
// The windows are as large as the image, so they neither overlap nor leave anything out.
#include "frontend/import/window.h"
#include "ir/ops/average_pool.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::GlobalAveragePool&, LayerImport& import) {
  if (import.input_known()) expect_image(import);
  if (!import.ready()) return nullptr;
  return &import.create<ir::AveragePool>({whole_image(import.input_dims()), true}, {&import.input()});
}

} // namespace kiln::frontend
