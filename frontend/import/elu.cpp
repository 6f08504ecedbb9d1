// elu: its message to the op of that name.
// The op's gradient reads the sign of the result, so alpha may not be negative.
#include "ir/ops/elu.h"

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Elu& elu, LayerImport& import) {
  if (!(elu.alpha() >= 0))
    import.report.error("elu.alpha", fmt::format("alpha is {}: it must not be negative", elu.alpha()));
  if (!import.ready()) return nullptr;
  return &import.create<ir::Elu>({.alpha = elu.alpha()}, {&import.input()});
}

} // namespace kiln::frontend
