// softmax_cross_entropy: the loss, and with it the outputs of each function.
// A softmax before it is legal, and nearly always a mistake.
#include "ir/ops/softmax_cross_entropy.h"

#include <fmt/format.h>

#include "frontend/import/classifier_loss.h"
#include "ir/ops/softmax.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::SoftmaxCrossEntropy& loss, LayerImport& import) {
  const double smoothing = loss.label_smoothing();
  if (!(smoothing >= 0 && smoothing < 1))
    import.report.error("softmax_cross_entropy.label_smoothing",
                        fmt::format("label_smoothing is {}: it must be at least 0 and below 1", smoothing));
  ir::Value* made = import_classifier_loss(
      import, "softmax_cross_entropy", [&](ir::Value& logits, std::string_view role) -> ir::Value& {
        return import.create<ir::SoftmaxCrossEntropy>({.label_smoothing = smoothing}, {&logits, import.label}, role);
      });
  if (made == nullptr) return nullptr;
  const ir::Node* producer = import.input().producer;
  if (producer != nullptr && producer->is<ir::Softmax>() && import.kind == FunctionKind::train_step)
    import.report.warning("", "its input is a softmax already, and it takes the softmax again",
                          "leave the softmax layer out");
  return made;
}

} // namespace kiln::frontend
