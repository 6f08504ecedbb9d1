// Turns rrelu into leaky_relu with its test slope in functions that do not train, which draw nothing.
//
// Before fuse_epilogue, which knows leaky_relu and not rrelu.
#include "ir/op.h"
#include "ir/ops/leaky_relu.h"
#include "ir/ops/rrelu.h"
#include "passes/passes.h"

#include <fmt/format.h>
#include <string>
#include <vector>

namespace kiln::passes {

using namespace ir;

bool fix_rrelu_slope(Module& module, const PassOptions& options) {
  bool changed = false;
  for (const auto& function : module.functions()) {
    if (kind_of(*function) == FunctionKind::train_step) continue;
    std::vector<Node*> drawn;
    for (const auto& node : function->nodes())
      if (node->is<Rrelu>()) drawn.push_back(node.get());
    for (Node* node : drawn) {
      if (options.note)
        options.note(*function, fmt::format("{}: draws no slope: it is leaky_relu here", name_for_people(*node)));
      std::string name = node->result().name;
      const double slope = Rrelu::test_slope(node->attributes<Rrelu>());
      Node& fixed = function->create(info<LeakyRelu>(), Attributes::of(LeakyRelu::Attributes{slope}),
                                     {&node->operand(0)}, name, node);
      fixed.layer = node->layer;
      function->replace_all_uses(node->result(), fixed.result());
      function->erase(*node);
      fixed.result().name = std::move(name);
      changed = true;
    }
  }
  return changed;
}

} // namespace kiln::passes
