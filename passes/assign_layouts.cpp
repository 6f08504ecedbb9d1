// Gives every tensor the layout its kernels demand and puts conversions where two disagree.
//
// Assumes every node has a kernel. Walks each function forward: a node's operands are converted to what its kernel
// demands, its results get what it makes. Ops that take any layout keep that of their first operand, so blocked layouts
// flow through pooling and activations. Inputs and outputs are plain. A state takes the layout that its first reader
// demands (train_step first), and its optimiser state and gradient follow it; other readers convert.
#include "ir/all_ops.h"
#include "passes/passes.h"

#include <fmt/format.h>
#include <map>
#include <set>

namespace kiln::passes {

using namespace ir;

namespace {

class LayoutAssignment {
public:
  LayoutAssignment(Module& module, const Target& target) : module_(module), target_(target) {}

  bool run() {
    // train_step decides the layouts of parameters: it reads them oftenest, and updates them in place.
    for (const auto& function : module_.functions())
      if (kind_of(*function) == FunctionKind::train_step) assign(*function);
    for (const auto& function : module_.functions())
      if (kind_of(*function) != FunctionKind::train_step) assign(*function);
    return changed_;
  }

private:
  void assign(Function& function) {
    converted_.clear();
    std::vector<Node*> nodes;
    for (const auto& node : function.nodes()) nodes.push_back(node.get());
    for (Node* node : nodes) visit(function, *node);
    for (Output& output : function.outputs)
      if (output.value->type.layout != Layout{}) output.value = &convert(function, *output.value, Layout{}, nullptr);
  }

  void visit(Function& function, Node& node) {
    // A demand may follow from the first operand, and that operand from the demand (an unread state), so it is asked
    // for again once the first is settled.
    for (size_t i = 0; i < node.operands().size(); ++i) {
      const Layout wanted = layout_demand(node, target_).operands[i];
      Value& operand = node.operand(i);
      if (operand.kind == Value::Kind::state && settled_.insert(&operand).second) {
        set_layout(operand, wanted);
      } else if (operand.type.layout != wanted) {
        if (node.op().traits.effect && operand.kind == Value::Kind::state)
          throw std::logic_error(
              fmt::format("{} updates @{} in another layout than it is kept in", node.op().name, operand.name));
        node.set_operand(i, convert(function, operand, wanted, &node));
      }
    }
    const LayoutDemand demand = layout_demand(node, target_);
    for (size_t i = 0; i < node.result_count(); ++i) set_layout(node.result(i), demand.results[i]);
  }

  void set_layout(Value& value, Layout layout) {
    changed_ |= value.type.layout != layout;
    value.type.layout = layout;
  }

  Value& convert(Function& function, Value& value, Layout layout, Node* before) {
    Value*& converted = converted_[{&value, to_string(layout)}];
    if (converted == nullptr) {
      Node& node =
          function.create(info<ConvertLayout>(), Attributes::of(ConvertLayout::Attributes::of(layout)), {&value},
                          fmt::format("{}.{}", value.name, layout == Layout{} ? "plain" : to_string(layout)), before);
      node.kernel = Kernel::any;
      if (value.producer != nullptr)
        node.layer = value.producer->layer;
      else if (before != nullptr)
        node.layer = before->layer;
      converted = &node.result();
      changed_ = true;
    }
    return *converted;
  }

  Module& module_;
  const Target& target_;
  std::set<const Value*> settled_; // states whose layout is decided
  std::map<std::pair<const Value*, std::string>, Value*> converted_;
  bool changed_ = false;
};

} // namespace

bool assign_layouts(Module& module, const PassOptions& options) {
  return LayoutAssignment(module, options.target).run();
}

} // namespace kiln::passes
