// Graph -> plan: which buffer every tensor has, and where it lies in the arena.
#pragma once

#include "ir/plan.h"

namespace kiln::passes {

// Assumes kernels and layouts are assigned. A function of the graph and the target alone: same graph, same offsets.
ir::Plan plan_memory(const ir::Module& module, const ir::Target& target);

} // namespace kiln::passes
