// What one layer gives for samples or files, as a NumPy array.
#pragma once

#include "frontend/load_experiment.h"
#include "options.h"

namespace kiln::tools {

// float32 in options.out, a row a sample: of all samples of the test split, or of the images that options.samples name.
// Written whole or not at all: a sample that cannot be read is an error. Returns the exit code.
int extract_features(frontend::LoadedExperiment loaded, bool of_files, const Options& options);

} // namespace kiln::tools
