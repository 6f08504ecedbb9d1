// Graph invariants, in two strengths.
#include "ir/verify.h"

#include "ir/op.h"
#include "ir/text.h"

#include <fmt/format.h>
#include <set>

namespace kiln::ir {

namespace {

class Verifier {
public:
  Verifier(const Module& module, const Target* strict) : module_(module), strict_(strict) {}

  std::optional<std::string> run() {
    check_states();
    for (const auto& function : module_.functions())
      if (!problem_) check_function(*function);
    return problem_;
  }

private:
  template <class... Args> void report(fmt::format_string<Args...> format, Args&&... args) {
    if (!problem_) problem_ = fmt::format(format, std::forward<Args>(args)...);
  }

  void check_states() {
    std::set<std::string> names;
    for (size_t i = 0; i < module_.states().size(); ++i) {
      const State& state = *module_.states()[i];
      if (!names.insert(state.value.name).second) report("two states are named @{}", state.value.name);
      if (state.value.kind != Value::Kind::state || state.value.index != static_cast<int32_t>(i))
        report("@{} is not numbered as the state it is", state.value.name);
      if (!state.data.empty() && static_cast<int64_t>(state.data.size()) != state.value.type.elements())
        report("@{} has {} elements but {} values", state.value.name, state.value.type.elements(), state.data.size());
    }
  }

  bool known(const Value& value) const {
    if (value.kind == Value::Kind::state)
      return value.index >= 0 && static_cast<size_t>(value.index) < module_.states().size() &&
             &module_.states()[static_cast<size_t>(value.index)]->value == &value;
    return defined_.contains(&value);
  }

  // The value whose bytes a value is.
  static const Value* root_of(const Value& value) {
    const Value* root = &value;
    while (root->producer != nullptr && root->producer->op().traits.alias) root = &root->producer->operand(0);
    return root;
  }

  void check_function(const Function& function) {
    defined_.clear();
    updated_.clear();
    std::set<std::string> names;
    for (const auto& input : function.inputs()) {
      defined_.insert(input.get());
      if (!names.insert(input->name).second) report("@{}: two values are named %{}", function.name(), input->name);
    }
    for (const auto& node : function.nodes()) {
      check_node(function, *node);
      for (size_t i = 0; i < node->result_count(); ++i) {
        defined_.insert(&node->result(i));
        if (!names.insert(node->result(i).name).second)
          report("@{}: two values are named %{}", function.name(), node->result(i).name);
      }
    }
    std::set<std::string> output_names;
    for (const Output& output : function.outputs) {
      if (output.value == nullptr || !known(*output.value))
        report("@{}: output {} is a value that does not exist", function.name(), output.name);
      else if (updated_.contains(root_of(*output.value)))
        report("@{}: output {} reads @{} after its update", function.name(), output.name, root_of(*output.value)->name);
      if (!output_names.insert(output.name).second)
        report("@{}: two outputs are named {}", function.name(), output.name);
    }
  }

  void check_node(const Function& function, const Node& node) {
    for (const Value* operand : node.operands()) {
      if (operand == nullptr || !known(*operand)) {
        report("@{}: {} reads a value before it is defined", function.name(), node.op().name);
        return;
      }
      const bool writes = node.op().traits.effect && operand->kind == Value::Kind::state;
      if (const Value* root = root_of(*operand); updated_.contains(root) && !writes)
        report("@{}: {} reads @{} after its update", function.name(), node.op().name, root->name);
    }
    try {
      std::vector<TensorType> operands;
      for (const Value* operand : node.operands()) operands.push_back(operand->type);
      const auto inferred = node.op().infer(node.raw_attributes(), operands);
      if (inferred.size() != node.result_count())
        report("@{}: {} has {} results, not {}", function.name(), node.op().name, inferred.size(), node.result_count());
      for (size_t i = 0; i < inferred.size() && i < node.result_count(); ++i)
        if (!inferred[i].same_logical(node.result(i).type))
          report("@{}: %{} is {}, its operands give {}", function.name(), node.result(i).name,
                 to_string(node.result(i).type), to_string(inferred[i]));
    } catch (const TypeError& error) {
      report("@{}: {}: {}", function.name(), print(node), error.what());
    }
    if (node.op().traits.effect)
      for (const Value* operand : node.operands())
        if (operand->kind == Value::Kind::state) updated_.insert(operand);
    if (strict_ != nullptr) check_layouts(function, node);
  }

  void check_layouts(const Function& function, const Node& node) {
    if (node.kernel == Kernel::unset) {
      report("@{}: {} has no kernel", function.name(), print(node));
      return;
    }
    try {
      const LayoutDemand demand = layout_demand(node, *strict_);
      for (size_t i = 0; i < node.operands().size(); ++i)
        check_layout(function, node, node.operand(i), demand.operands[i]);
      for (size_t i = 0; i < node.result_count(); ++i) check_layout(function, node, node.result(i), demand.results[i]);
    } catch (const TypeError& error) {
      report("@{}: {}: {}", function.name(), print(node), error.what());
    }
  }

  void check_layout(const Function& function, const Node& node, const Value& value, Layout demanded) {
    const auto spell = [](Layout layout) { return layout.kind == LayoutKind::plain ? "plain" : to_string(layout); };
    if (value.type.layout != demanded)
      report("@{}: {} wants {} as {}, it is {}", function.name(), node.op().name, value.name, spell(demanded),
             spell(value.type.layout));
  }

  const Module& module_;
  const Target* strict_;
  std::set<const Value*> defined_;
  std::set<const Value*> updated_;
  std::optional<std::string> problem_;
};

} // namespace

std::optional<std::string> verify(const Module& module, const Target* strict) { return Verifier(module, strict).run(); }

} // namespace kiln::ir
