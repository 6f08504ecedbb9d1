// What losses share: the checks of their input, the mean over the batch, and the outputs that each function has.
// Internal to the importers.
#pragma once

#include <functional>
#include <optional>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

// The scores of classes that a loss takes in.
struct Scores {
  ir::Value* value = nullptr; // f32[N,C] or f32[N,C,H,W]; null when the layer could not be made
  bool per_pixel = false;
  ir::Dims label_dims; // of a class at each position
};

// Reports what cannot be scores of classes. A single row and column counts as none.
Scores take_scores(LayerImport& import, bool may_have_pixels);

// The outputs beside the loss of the network's own loss, if it is that: how its labels, of classes, are met.
void output_metrics(LayerImport& import, const Scores& scores, ir::Value& labels, const proto::Metrics& metrics,
                    std::optional<int64_t> ignored_label);
// The probabilities of classes, the network's output in predict. Null where a loss is not the network's own.
ir::Value* output_probability(LayerImport& import, const Scores& scores);

// Adds to the function's losses: in training the mean over the batch, elsewhere what each sample adds. `sample_weight`
// is null where all count alike. Gives the loss.
ir::Value* add_loss(LayerImport& import, ir::Value& per_sample, ir::Value* sample_weight);
// How a value a sample is to be named: in training the layer's name is that of the mean.
std::string_view per_sample_role(const LayerImport& import, std::string_view kind_name);

// Makes the loss of each sample, as LayerImport::create does with `role`.
using PerSampleLoss = std::function<ir::Value&(ir::Value& prediction, ir::Value& target, std::string_view role)>;
// What predict gives of a prediction; the prediction itself where there is no such function.
using Output = std::function<ir::Value&(ir::Value& prediction)>;

// A loss between values of one shape.
ir::Value* import_value_loss(LayerImport& import, std::string_view kind_name, const PerSampleLoss& per_sample,
                             const Output& output = {});

} // namespace kiln::frontend
