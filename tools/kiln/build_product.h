// kiln build --emit=trainer and --emit=infer: executables that hold all they need.
#pragma once

#include "codegen/linker.h"
#include "frontend/load_experiment.h"
#include "options.h"

#include <string>

namespace kiln::tools {

// `summary` gets what it is, for people. Weights that are to stay outside are written beside `output`.
codegen::Executable build_trainer(const frontend::LoadedExperiment& loaded, const Options& options,
                                  std::string& summary);
codegen::Executable build_inference(const frontend::LoadedExperiment& loaded, const Options& options,
                                    const std::string& output, std::string& summary);

} // namespace kiln::tools
