// Measures the training images for the pre-processing, and tells that it does.
#pragma once

#include "frontend/load_experiment.h"
#include "ir/graph.h"
#include "options.h"
#include "runtime/data_source.h"
#include "runtime/image_statistics.h"
#include "runtime/instance.h"

#include <string>
#include <vector>

namespace kiln::tools {

// Of the training images as the network takes them, unaugmented: what augmentation cuts at random is cut from the
// middle.
runtime::ImageMoments measure_data(const frontend::LoadedExperiment& loaded, const runtime::DataSource& train,
                                   bool with_covariance, const Options& options);

// The states that hold statistics, of an experiment that takes them.
std::vector<std::string> statistics_states(const frontend::LoadedExperiment& loaded);
// Measures, fills those states and writes statistics.safetensors into the run directory, where one is given.
void fill_statistics(const frontend::LoadedExperiment& loaded, const runtime::DataSource& train, const Options& options,
                     const std::string& directory, runtime::Instance& instance);

// For looking at a network without its data: a rotation that turns nothing, and amplifies if it would whiten.
void bind_stand_in_rotation(const frontend::LoadedExperiment& loaded, ir::Module& module);

std::string statistics_path(const std::string& directory);

} // namespace kiln::tools
