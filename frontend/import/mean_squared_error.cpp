// mean_squared_error: the loss of a regression, and with it the outputs of each function.
// Predict gives the values.
#include "ir/ops/mean_squared_error.h"

#include "frontend/import/loss.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::MeanSquaredError&, LayerImport& import) {
  return import_value_loss(import, "mean_squared_error",
                           [&](ir::Value& prediction, ir::Value& target, std::string_view role) -> ir::Value& {
                             return import.create<ir::MeanSquaredError>({}, {&prediction, &target}, role);
                           });
}

} // namespace kiln::frontend
