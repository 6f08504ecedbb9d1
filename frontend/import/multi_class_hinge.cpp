// multi_class_hinge: the loss of a support vector machine, and with it the outputs of each function.
// predict's probabilities are the softmax of the scores: their order is right, their sizes mean little.
#include "ir/ops/multi_class_hinge.h"

#include <cmath>

#include <fmt/format.h>

#include "frontend/import/classifier_loss.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::MultiClassHinge& loss, LayerImport& import) {
  if (!(loss.margin() > 0) || std::isinf(static_cast<float>(loss.margin())))
    import.report.error("multi_class_hinge.margin",
                        fmt::format("margin is {}: it must be above 0 and fit a float", loss.margin()));
  const auto norm = loss.norm() == proto::MultiClassHinge::L2 ? ir::HingeNorm::l2 : ir::HingeNorm::l1;
  return import_classifier_loss(import, "multi_class_hinge",
                                [&](ir::Value& logits, std::string_view role) -> ir::Value& {
                                  return import.create<ir::MultiClassHinge>({.margin = loss.margin(), .norm = norm},
                                                                            {&logits, import.label}, role);
                                });
}

} // namespace kiln::frontend
