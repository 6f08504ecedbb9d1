// Experiment -> text that reads back as the same experiment.
// Lists on one line, numbers with as many digits as they need.
#pragma once

#include <string>

#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

std::string render(const proto::Experiment& experiment);

} // namespace kiln::frontend
