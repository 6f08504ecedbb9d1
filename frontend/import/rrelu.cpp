// rrelu: its message to the op of that name, in every function; fix_rrelu_slope takes it out where nothing is drawn.
// Its random stream is named after the layer.
#include "ir/ops/rrelu.h"

#include <cmath>

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Rrelu& rrelu, LayerImport& import) {
  if (!(static_cast<float>(rrelu.lower()) > 0))
    import.report.error("rrelu.lower", fmt::format("lower is {}: it must be above 0", rrelu.lower()));
  else if (!(rrelu.upper() >= rrelu.lower()) || std::isinf(static_cast<float>(rrelu.upper())))
    import.report.error("rrelu.upper",
                        fmt::format("upper is {}: it must be at least lower, {}", rrelu.upper(), rrelu.lower()));
  if (!import.ready()) return nullptr;
  const auto mode = rrelu.mode() == proto::Rrelu::EVEN ? ir::RreluMode::uniform : ir::RreluMode::reciprocal;
  return &import.create<ir::Rrelu>(
      {.lower = rrelu.lower(), .upper = rrelu.upper(), .mode = mode, .stream = import.stream("")}, {&import.input()});
}

} // namespace kiln::frontend
