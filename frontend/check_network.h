// Names, wiring and the loss of a resolved network.
// Part of check_experiment, in a file of its own for length.
#pragma once

#include "frontend/diagnostics.h"
#include "frontend/positions.h"
#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

void check_network(const proto::Network& network, const Positions& positions, Diagnostics& diagnostics);

} // namespace kiln::frontend
