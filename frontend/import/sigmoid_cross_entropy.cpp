// sigmoid_cross_entropy: the loss of classes that do not exclude each other, and with it the outputs of each function.
// Predict gives the probability of each class.
#include "ir/ops/sigmoid_cross_entropy.h"

#include <cmath>

#include <fmt/format.h>

#include "frontend/import/loss.h"
#include "ir/ops/sigmoid.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::SigmoidCrossEntropy& loss, LayerImport& import) {
  if (!(static_cast<float>(loss.pos_weight()) > 0) || std::isinf(static_cast<float>(loss.pos_weight())))
    import.report.error("sigmoid_cross_entropy.pos_weight",
                        fmt::format("pos_weight is {}: it must be above 0 and fit a float", loss.pos_weight()));
  return import_value_loss(
      import, "sigmoid_cross_entropy",
      [&](ir::Value& prediction, ir::Value& target, std::string_view role) -> ir::Value& {
        return import.create<ir::SigmoidCrossEntropy>({.pos_weight = loss.pos_weight()}, {&prediction, &target}, role);
      },
      [&](ir::Value& logits) -> ir::Value& { return import.create<ir::Sigmoid>({}, {&logits}, "sigmoid"); });
}

} // namespace kiln::frontend
