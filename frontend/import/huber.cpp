// huber: the loss of a regression, squared near 0 and absolute further out, and with it the outputs of each function.
// Predict gives the values.
#include "ir/ops/huber.h"

#include <cmath>

#include <fmt/format.h>

#include "frontend/import/loss.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Huber& loss, LayerImport& import) {
  if (!(static_cast<float>(loss.delta()) > 0) || std::isinf(static_cast<float>(loss.delta())))
    import.report.error("huber.delta", fmt::format("delta is {}: it must be above 0 and fit a float", loss.delta()));
  return import_value_loss(import, "huber",
                           [&](ir::Value& prediction, ir::Value& target, std::string_view role) -> ir::Value& {
                             return import.create<ir::Huber>({.delta = loss.delta()}, {&prediction, &target}, role);
                           });
}

} // namespace kiln::frontend
