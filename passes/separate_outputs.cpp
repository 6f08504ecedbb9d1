// Copies outputs that the function does not compute or returns twice, so that each output is written once, by a node.
//
// The caller gives each output memory of its own: an output that is an input or a state, or the same value as another
// output, needs a copy there. A reshape to the same dims is one, where its result is an output.
// Late, since folding and cancelling can make outputs meet; before order, which makes no nodes.
#include "ir/op.h"
#include "ir/ops/reshape.h"
#include "passes/passes.h"

#include <set>

namespace kiln::passes {

using namespace ir;

bool separate_outputs(Module& module, const PassOptions&) {
  bool changed = false;
  for (const auto& function : module.functions()) {
    std::set<const Value*> taken;
    for (Output& output : function->outputs) {
      if (output.value->kind == Value::Kind::result && taken.insert(output.value).second) continue;
      Node& copy = function->create(info<Reshape>(), Attributes::of(Reshape::Attributes{output.value->type.dims}),
                                    {output.value}, output.name);
      copy.kernel = Kernel::plain;
      output.value = &copy.result();
      changed = true;
    }
  }
  return changed;
}

} // namespace kiln::passes
