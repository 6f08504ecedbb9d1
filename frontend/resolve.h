// Fills in everything an experiment leaves to defaults, so that nothing after it knows a default.
// Derived layer names and inputs, sizes spelt out, initialisers chosen, paths made absolute.
#pragma once

#include <string>

#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

// `file` is where the experiment was read from. What must be given and is not stays absent, and wrong values stay as
// they are: check_experiment speaks of them. Resolving twice changes nothing.
void resolve(proto::Experiment& experiment, const std::string& file);

} // namespace kiln::frontend
