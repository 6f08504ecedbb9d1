// Gives every node the first kernel of its candidate list that does not refuse.
//
// Assumes fusing is done, which decides what a kernel must do, and stands before assign_layouts, which gives each
// kernel the layouts it wants. A node that has a kernel keeps it.
#include "passes/kernel_candidates.h"

#include <algorithm>

namespace kiln::passes {

bool choose_kernels(ir::Module& module, const PassOptions& options) {
  bool changed = false;
  for (const auto& function : module.functions())
    for (const auto& node : function->nodes()) {
      if (node->kernel != ir::Kernel::unset) continue;
      const auto candidates = kernel_candidates(*node, kind_of(*function), options.target);
      const auto chosen =
          std::find_if(candidates.begin(), candidates.end(), [](const auto& c) { return c.refusal.empty(); });
      node->kernel = chosen->kernel;
      changed = true;
    }
  return changed;
}

} // namespace kiln::passes
