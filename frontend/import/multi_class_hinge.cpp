// multi_class_hinge: the loss of a support vector machine, and with it the outputs of each function.
// predict's probabilities are the softmax of the scores: their order is right, their sizes mean little.
#include "ir/ops/multi_class_hinge.h"

#include <cmath>

#include <fmt/format.h>

#include "frontend/import/loss.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::MultiClassHinge& loss, LayerImport& import) {
  if (!(loss.margin() > 0) || std::isinf(static_cast<float>(loss.margin())))
    import.report.error("multi_class_hinge.margin",
                        fmt::format("margin is {}: it must be above 0 and fit a float", loss.margin()));
  const auto norm = loss.norm() == proto::MultiClassHinge::L2 ? ir::HingeNorm::l2 : ir::HingeNorm::l1;
  const Scores scores = take_scores(import, false);
  if (scores.value == nullptr) return nullptr;
  if (import.kind == FunctionKind::predict) return output_probability(import, scores);
  if (import.mixes_labels) {
    import.report.error("", "mixup and cutmix mix labels for softmax_cross_entropy: here is one class a sample");
    return nullptr;
  }
  ir::Value* labels = import.target(ir::DType::i32, scores.label_dims);
  if (labels == nullptr) return nullptr;
  ir::Value& per_sample = import.create<ir::MultiClassHinge>(
      {.margin = loss.margin(), .norm = norm}, {scores.value, labels}, per_sample_role(import, "multi_class_hinge"));
  ir::Value* made = add_loss(import, per_sample, nullptr);
  output_metrics(import, scores, *labels, *import.metrics, {});
  return made;
}

} // namespace kiln::frontend
