// What losses share: the checks of their input, the mean over the batch, and the outputs that each function has.
// Per sample outside of training, so that the padded rows of a last batch can be left out.
#include "frontend/import/loss.h"

#include <fmt/format.h>

#include "ir/ops/argmax.h"
#include "ir/ops/reduce_mean.h"
#include "ir/ops/softmax.h"
#include "ir/ops/top_k.h"
#include "ir/ops/weighted_mean.h"

namespace kiln::frontend {

Scores take_scores(LayerImport& import, bool may_have_pixels) {
  LayerReport& report = import.report;
  if (!import.ready()) return {};
  const ir::Dims& dims = import.input_dims();
  const int64_t classes = dims[1];
  const bool per_pixel = values_of(dims) != classes;
  if (per_pixel && !may_have_pixels)
    report.error("", fmt::format("its input is {}: it takes one value a class", shape_text(dims)),
                 "put a dense layer before it, with as many units as there are classes");
  else if (classes < 2)
    report.error("", "its input is a single value, but there are at least two classes",
                 "give the layer before it as many outputs as there are classes");
  else if (import.tells_classes && import.class_names != 0 && import.class_names != classes)
    report.error("", fmt::format("its input has {} values, but the data name {} classes", classes, import.class_names));
  if (!import.ready()) return {};
  if (!per_pixel) return {&import.rows("reshape"), false, {dims[0]}};
  ir::Dims label_dims = dims;
  label_dims.erase(label_dims.begin() + 1);
  return {&import.input(), true, label_dims};
}

namespace {

// The network's own loss says which labels the data may have; every other must be able to take them.
void check_labels(const LayerImport& import, const LabelledLoss& main) {
  for (const LabelledLoss& other : import.losses.labelled) {
    if (other.classes < main.classes)
      import.report.error("", fmt::format("tells {} classes apart, but \"{}\", which takes the same labels, only {}",
                                          main.classes, other.layer, other.classes));
    const bool may_meet = main.ignored_label && other.ignored_label != main.ignored_label;
    if (may_meet && !ir::is_class(static_cast<double>(*main.ignored_label), other.classes))
      import.report.error(
          "", fmt::format("ignores the label {}, which \"{}\" takes for a class", *main.ignored_label, other.layer),
          fmt::format("let \"{}\" ignore it too", other.layer));
  }
}

} // namespace

void output_metrics(LayerImport& import, const Scores& scores, ir::Value& labels, const proto::Metrics& metrics,
                    std::optional<int64_t> ignored_label) {
  const LabelledLoss loss{import.name, scores.value->type.dims[1], ignored_label};
  import.losses.labelled.push_back(loss);
  if (!import.is_main_loss) return;
  check_labels(import, loss);
  ir::IgnoredLabel ignored;
  if (ignored_label) ignored = {true, *ignored_label};
  import.output("correct", import.create<ir::TopK>({.k = 1, .ignored = ignored}, {scores.value, &labels}, "top_k"));
  if (import.kind != FunctionKind::evaluate) return;
  for (int64_t k : metrics.top_k()) {
    const std::string name = fmt::format("top_{}", k);
    import.output(name, import.create<ir::TopK>({.k = k, .ignored = ignored}, {scores.value, &labels}, name));
  }
  if (metrics.confusion_matrix() || metrics.per_class())
    import.output("predicted", import.create<ir::Argmax>({}, {scores.value}, "argmax"));
}

ir::Value* output_probability(LayerImport& import, const Scores& scores) {
  if (!import.is_main_loss) return nullptr;
  ir::Value& probability = import.create<ir::Softmax>({}, {scores.value}, "softmax");
  import.output("probability", probability);
  return &probability;
}

std::string_view per_sample_role(const LayerImport& import, std::string_view kind_name) {
  return import.kind == FunctionKind::train_step ? kind_name : "";
}

ir::Value* add_loss(LayerImport& import, ir::Value& per_sample, ir::Value* sample_weight) {
  ImportedLoss loss{import.name, import.loss_weight, &per_sample, sample_weight};
  if (import.kind == FunctionKind::train_step) {
    loss.value = sample_weight ? &import.create<ir::WeightedMean>({}, {&per_sample, sample_weight})
                               : &import.create<ir::ReduceMean>({}, {&per_sample});
    loss.sample_weight = nullptr;
  }
  import.losses.losses.push_back(loss);
  return loss.value;
}

ir::Value* import_value_loss(LayerImport& import, std::string_view kind_name, const PerSampleLoss& per_sample,
                             const Output& output) {
  if (!import.ready()) return nullptr;
  ir::Value& prediction = import.input();
  if (import.kind == FunctionKind::predict) {
    if (import.is_main_loss) import.output("output", output ? output(prediction) : prediction);
    return import.is_main_loss ? &prediction : nullptr;
  }
  ir::Value* target = import.target(ir::DType::f32, prediction.type.dims);
  if (target == nullptr) return nullptr;
  return add_loss(import, per_sample(prediction, *target, per_sample_role(import, kind_name)), nullptr);
}

} // namespace kiln::frontend
