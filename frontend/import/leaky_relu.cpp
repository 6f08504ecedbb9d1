// leaky_relu: its message to the op of that name.
// The op's gradient reads the sign of the result, so the slope may not be negative.
#include "ir/ops/leaky_relu.h"

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::LeakyRelu& relu, LayerImport& import) {
  if (!(relu.slope() >= 0))
    import.report.error("leaky_relu.slope", fmt::format("slope is {}: it must not be negative", relu.slope()));
  if (!import.ready()) return nullptr;
  return &import.create<ir::LeakyRelu>({.slope = relu.slope()}, {&import.input()});
}

} // namespace kiln::frontend
