// The text form of a plan: what golden tests compare and what the plan's hash is taken of.
#pragma once

#include "ir/plan.h"

#include <string>

namespace kiln::ir {

// Every function's buffers and steps, one a line; the graph itself is not repeated (text.h prints it).
std::string print(const Plan& plan);

} // namespace kiln::ir
