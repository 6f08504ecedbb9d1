// Which kernels an op has, fastest first, and why one is refused.
#pragma once

#include "ir/graph.h"
#include "ir/kernel.h"
#include "ir/target.h"
#include "passes/passes.h"

#include <string>
#include <vector>

namespace kiln::passes {

struct KernelCandidate {
  ir::Kernel kernel;
  std::string refusal; // why the node cannot have it; empty: it can
};

// In order of preference. At least one is not refused.
std::vector<KernelCandidate> kernel_candidates(const ir::Node& node, FunctionKind kind, const ir::Target& target);

} // namespace kiln::passes
