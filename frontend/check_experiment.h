// Everything that can be wrong with a resolved experiment before any shape is known, all of it at once.
// Sections, names and wiring, the recipe, the ranges of numbers. What a kind of layer asks for is checked where it is
// imported (frontend/import/).
#pragma once

#include "frontend/diagnostics.h"
#include "frontend/positions.h"
#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

void check_experiment(const proto::Experiment& resolved, const Positions& positions, Diagnostics& diagnostics);

} // namespace kiln::frontend
