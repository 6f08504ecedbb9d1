// Everything that can be wrong with the training section before any shape is known.
#pragma once

#include "frontend/proto/kiln.pb.h"
#include "frontend/section_check.h"

namespace kiln::frontend {

void check_training(const proto::Training& resolved, const Positions& positions, Diagnostics& diagnostics,
                    const std::set<std::string>& faulty);

} // namespace kiln::frontend
