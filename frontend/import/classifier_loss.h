// What the losses of classifiers share: the checks of their input, and the outputs that each function has.
// Internal to the importers.
#pragma once

#include <functional>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

// Makes the loss of each sample from rows of logits, as LayerImport::create does with `role`.
using PerSampleLoss = std::function<ir::Value&(ir::Value& logits, std::string_view role)>;

// The outputs of the function that is being imported. Null when the layer could not be made.
ir::Value* import_classifier_loss(LayerImport& import, std::string_view kind_name, const PerSampleLoss& per_sample);

} // namespace kiln::frontend
