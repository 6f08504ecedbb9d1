// Graph invariants. Two strengths: layouts are free before assign_layouts, and exactly those that each node's kernel
// demands after it.
#pragma once

#include "ir/graph.h"
#include "ir/target.h"

#include <optional>
#include <string>

namespace kiln::ir {

// What is wrong with the first offending node or function; nothing when all holds. With a target, also: every node has
// a kernel, and every tensor the layout which that kernel demands.
std::optional<std::string> verify(const Module& module, const Target* strict = nullptr);

} // namespace kiln::ir
