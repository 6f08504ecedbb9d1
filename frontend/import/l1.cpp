// l1: the loss of a regression that outliers move little, and with it the outputs of each function.
// Predict gives the values.
#include "ir/ops/l1.h"

#include "frontend/import/loss.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::L1&, LayerImport& import) {
  return import_value_loss(import, "l1",
                           [&](ir::Value& prediction, ir::Value& target, std::string_view role) -> ir::Value& {
                             return import.create<ir::L1>({}, {&prediction, &target}, role);
                           });
}

} // namespace kiln::frontend
