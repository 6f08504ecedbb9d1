// add: the sum of two inputs of one shape.
// How many inputs there are was checked with the wiring.
#include "ir/ops/add.h"

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Add&, LayerImport& import) {
  if (!import.ready() || !import.input_known(1)) return nullptr;
  if (import.input_dims(0) != import.input_dims(1)) {
    import.report.error("input", fmt::format("its inputs differ: \"{}\" is {}, \"{}\" is {}", import.input(0).name,
                                             shape_text(import.input_dims(0)), import.input(1).name,
                                             shape_text(import.input_dims(1))));
    return nullptr;
  }
  return &import.create<ir::Add>({}, {&import.input(0), &import.input(1)});
}

} // namespace kiln::frontend
