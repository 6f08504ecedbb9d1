// softmax_cross_entropy: the loss, and with it the outputs of each function.
// A softmax before it is legal, and nearly always a mistake.
#include "ir/ops/softmax_cross_entropy.h"

#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "frontend/import/loss.h"
#include "ir/ops/constant.h"
#include "ir/ops/label_weight.h"

namespace kiln::frontend {
namespace {

void check_fields(const proto::SoftmaxCrossEntropy& loss, LayerImport& import) {
  LayerReport& report = import.report;
  const double smoothing = loss.label_smoothing();
  if (!(smoothing >= 0 && smoothing < 1))
    report.error("softmax_cross_entropy.label_smoothing",
                 fmt::format("label_smoothing is {}: it must be at least 0 and below 1", smoothing));
  bool some_weigh = loss.class_weight_size() == 0;
  for (int c = 0; c < loss.class_weight_size(); ++c) {
    const auto weight = static_cast<float>(loss.class_weight(c));
    some_weigh = some_weigh || weight != 0;
    if (!(weight >= 0) || std::isinf(weight))
      report.error(fmt::format("softmax_cross_entropy.class_weight[{}]", c),
                   fmt::format("class_weight is {}: it must be at least 0 and fit a float", loss.class_weight(c)));
  }
  if (!some_weigh)
    report.error("softmax_cross_entropy.class_weight", "class_weight is 0 for all: nothing would be learnt");
  if (loss.has_ignore_label() && (loss.ignore_label() < std::numeric_limits<int32_t>::min() ||
                                  loss.ignore_label() > std::numeric_limits<int32_t>::max()))
    report.error("softmax_cross_entropy.ignore_label",
                 fmt::format("ignore_label is {}: labels have 32 bits", loss.ignore_label()));
  const bool distribution = loss.target() == proto::SoftmaxCrossEntropy::DISTRIBUTION || import.input_count() > 1;
  if (loss.has_ignore_label() && distribution)
    report.error("softmax_cross_entropy.ignore_label", "distributions have no label that could be ignored");
}

// What the positions of each sample weigh; null where each sample is one of weight 1.
ir::Value* sample_weight(const proto::SoftmaxCrossEntropy& loss, LayerImport& import, const Scores& scores,
                         ir::Value& target, ir::Value* class_weight) {
  const double positions = static_cast<double>(values_of(scores.label_dims));
  if (target.type.dtype != ir::DType::i32) {
    if (!scores.per_pixel) return nullptr;
    return &import.create<ir::Constant>({.value = positions, .dims = {scores.label_dims[0]}}, {}, "weight");
  }
  if (!scores.per_pixel && class_weight == nullptr && !loss.has_ignore_label()) return nullptr;
  std::vector<ir::Value*> operands{&target};
  if (class_weight != nullptr) operands.push_back(class_weight);
  ir::LabelWeight::Attributes attributes;
  if (loss.has_ignore_label()) attributes.ignored = {true, loss.ignore_label()};
  return &import.create<ir::LabelWeight>(attributes, std::move(operands), "weight");
}

} // namespace

namespace {

// Whether labels can be mixed as mixup and cutmix do it.
bool check_mixing(const proto::SoftmaxCrossEntropy& loss, const Scores& scores, bool is_distribution,
                  LayerImport& import) {
  if (!import.mixes_labels) return true;
  const char* why = is_distribution                ? "labels that are distributions already"
                    : scores.per_pixel             ? "labels of pixels"
                    : loss.has_ignore_label()      ? "labels of which one is ignored"
                    : loss.class_weight_size() > 0 ? "classes of different weight"
                                                   : nullptr;
  if (why != nullptr) import.report.error("", fmt::format("mixup and cutmix cannot mix {}", why));
  return why == nullptr;
}

} // namespace

ir::Value* import_layer(const proto::SoftmaxCrossEntropy& loss, LayerImport& import) {
  check_fields(loss, import);
  const Scores scores = take_scores(import, true);
  if (scores.value == nullptr) return nullptr;
  const int64_t classes = scores.value->type.dims[1];
  if (loss.class_weight_size() != 0 && loss.class_weight_size() != classes) {
    import.report.error(
        "softmax_cross_entropy.class_weight",
        fmt::format("class_weight has {} values, but there are {} classes", loss.class_weight_size(), classes));
    return nullptr;
  }
  if (import.kind == FunctionKind::predict) return output_probability(import, scores);

  const bool stated = loss.target() == proto::SoftmaxCrossEntropy::DISTRIBUTION || import.input_count() > 1;
  if (!check_mixing(loss, scores, stated, import)) return nullptr;
  // Labels of a mixed batch are shares of classes, in training alone.
  const bool distribution = stated || (import.mixes_labels && import.kind == FunctionKind::train_step);
  ir::Value* target = distribution ? import.target(ir::DType::f32, scores.value->type.dims)
                                   : import.target(ir::DType::i32, scores.label_dims);
  if (target == nullptr) return nullptr;
  ir::Value* class_weight = nullptr;
  if (loss.class_weight_size() > 0)
    class_weight = &import.constant("class_weight", {loss.class_weight().begin(), loss.class_weight().end()});
  ir::SoftmaxCrossEntropy::Attributes attributes{.label_smoothing = loss.label_smoothing(), .ignored = {}};
  if (loss.has_ignore_label()) attributes.ignored = {true, loss.ignore_label()};
  std::vector<ir::Value*> operands{scores.value, target};
  if (class_weight != nullptr) operands.push_back(class_weight);
  ir::Value& per_sample = import.create<ir::SoftmaxCrossEntropy>(attributes, std::move(operands),
                                                                 per_sample_role(import, "softmax_cross_entropy"));
  ir::Value* made = add_loss(import, per_sample, sample_weight(loss, import, scores, *target, class_weight));
  std::optional<int64_t> ignored;
  if (loss.has_ignore_label()) ignored = loss.ignore_label();
  if (!distribution) output_metrics(import, scores, *target, *import.metrics, ignored);
  return made;
}

} // namespace kiln::frontend
