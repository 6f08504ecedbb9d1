// `--set a.b=c`: changes one field of an experiment that was read.
// Paths are field names; a repeated element is `kernel[1]`, a layer also its name:
// network.layer.conv1.convolution.filters, or with the name in brackets and quotes, which ends doubt about names that
// hold dots: network.layer["stage1.1/conv1"].convolution.filters
#pragma once

#include <string>
#include <vector>

#include "frontend/diagnostics.h"
#include "frontend/read_experiment.h"

namespace kiln::frontend {

// Values are written as in the text form: numbers, true, bare enum names, [1, 2] for a whole list, { ... } for a
// message; strings with or without quotes. Giving one member of a oneof a value drops the others. Positions of what was
// set become `--set a.b=c`. Errors are of kind usage; a setting that has one changes nothing.
void apply_overrides(const std::vector<std::string>& settings, ReadExperiment& experiment, Diagnostics& diagnostics);

} // namespace kiln::frontend
