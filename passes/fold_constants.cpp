// Evaluates nodes whose operands are all known at compile time.
//
// A state is known when it has data and no function updates it. Each folded node becomes a constant state with the
// type of its result, layout included, so that converted weights are stored as their kernels want them. The values are
// those of the reference evaluation, in double: they are rounded to f32 once, when they are stored.
// Behind assign_layouts, whose conversions it folds, and behind fold_preprocess, whose weights it computes.
#include "ir/op.h"
#include "passes/passes.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

namespace kiln::passes {

using namespace ir;

namespace {

class Folding {
public:
  explicit Folding(Module& module) : module_(module) {
    for (const auto& function : module.functions())
      for (const auto& node : function->nodes())
        if (node->op().traits.effect) written_.insert(node->operands().begin(), node->operands().end());
  }

  bool run() {
    bool changed = false;
    for (const auto& function : module_.functions()) {
      std::vector<Node*> nodes;
      for (const auto& node : function->nodes()) nodes.push_back(node.get());
      for (Node* node : nodes) {
        if (!is_known(*node)) continue;
        fold(*function, *node);
        changed = true;
      }
    }
    if (changed) module_.sweep_states();
    return changed;
  }

private:
  // A node without operands (`constant`) is shorter than its data and stays.
  bool is_known(const Node& node) const {
    const Traits& traits = node.op().traits;
    return !traits.effect && !traits.random && !node.operands().empty() &&
           std::all_of(node.operands().begin(), node.operands().end(), [&](const Value* operand) {
             return operand->kind == Value::Kind::state && !module_.state_of(*operand).data.empty() &&
                    !written_.contains(operand);
           });
  }

  void fold(Function& function, Node& node) {
    auto& folded = folded_[key_of(node)];
    if (folded.empty()) folded = evaluate(node);
    for (size_t i = 0; i < node.result_count(); ++i) function.replace_all_uses(node.result(i), folded[i]->value);
    function.erase(node);
  }

  // Functions for several batch sizes fold the same weights in the same way.
  static std::string key_of(const Node& node) {
    std::string key = fmt::format("{} {}", node.op().name, to_string(node.raw_attributes()));
    for (const Value* operand : node.operands()) key += fmt::format(" {}", operand->name);
    for (size_t i = 0; i < node.result_count(); ++i) key += fmt::format(" {}", to_string(node.result(i).type));
    return key;
  }

  std::vector<State*> evaluate(const Node& node) {
    EvaluationFrame frame;
    std::vector<Tensor> operands, results;
    for (const Value* operand : node.operands()) {
      operands.emplace_back(operand->type.dims).data = module_.state_of(*operand).data;
    }
    for (size_t i = 0; i < node.result_count(); ++i) results.emplace_back(node.result(i).type.dims);
    for (const Tensor& operand : operands) frame.operands.push_back(&operand);
    for (Tensor& result : results) frame.results.push_back(&result);
    frame.writable.resize(operands.size());
    node.op().evaluate(node.raw_attributes(), frame);

    std::vector<State*> states;
    for (size_t i = 0; i < node.result_count(); ++i) {
      State& state = module_.add_state(unused_name(node.result(i).name), node.result(i).type, StateRole::constant);
      state.data = std::move(results[i].data);
      states.push_back(&state);
    }
    return states;
  }

  std::string unused_name(const std::string& stem) const {
    std::string name = stem;
    for (int suffix = 1; module_.find_state(name) != nullptr; ++suffix) name = fmt::format("{}.{}", stem, suffix);
    return name;
  }

  Module& module_;
  std::set<const Value*> written_;
  std::map<std::string, std::vector<State*>> folded_;
};

} // namespace

bool fold_constants(Module& module, const PassOptions&) { return Folding(module).run(); }

} // namespace kiln::passes
