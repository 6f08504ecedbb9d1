// The pre-processing as the first nodes of every function, and the statistics of the training images that it takes.
#pragma once

#include "frontend/load_experiment.h"
#include "ir/graph.h"

#include <string_view>

namespace kiln::frontend {

// States that hold statistics: of the role statistic, made by import_preprocess where the experiment asks for them.
inline constexpr std::string_view kCenterState = "image.center";     // [C] or [C,H,W], in grey levels of the image
inline constexpr std::string_view kFactorState = "image.factor";     // [C] or [C,H,W]
inline constexpr std::string_view kRotationState = "image.rotation"; // [K,C] of colours, [K,C*H*W] of whole images

bool takes_statistics(const proto::Preprocess& preprocess);
proto::Whitened whitened_of(const proto::Preprocess& preprocess); // where there is a decorrelation
// How many it keeps; 0: all.
int64_t components_of(const proto::Preprocess& preprocess);

// What layers know as `image`, made from the image's bytes. Null when something is wrong, which is then reported.
ir::Value* import_preprocess(const LoadedExperiment& loaded, ir::Function& function, ir::Value& bytes,
                             Diagnostics& diagnostics);

} // namespace kiln::frontend
