// Removes dropout from functions that do not train: with inverted scaling it is the identity there.
//
// First in the inference pipeline: what stands between a convolution and its activation would keep them from fusing.
#include "ir/op.h"
#include "ir/ops/dropout.h"
#include "passes/passes.h"

#include <fmt/format.h>
#include <vector>

namespace kiln::passes {

using namespace ir;

bool eliminate_dropout(Module& module, const PassOptions& options) {
  bool changed = false;
  for (const auto& function : module.functions()) {
    if (kind_of(*function) == FunctionKind::train_step) continue;
    std::vector<Node*> dropouts;
    for (const auto& node : function->nodes())
      if (node->is<Dropout>()) dropouts.push_back(node.get());
    for (Node* node : dropouts) {
      if (options.note) options.note(*function, fmt::format("{}: dropout is gone", name_for_people(*node)));
      function->replace_all_uses(node->result(), node->operand(0));
      function->erase(*node);
      changed = true;
    }
  }
  return changed;
}

} // namespace kiln::passes
