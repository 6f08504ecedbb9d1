// Delta debugging: one change at a time, kept where the network still fails.
#include "tests/support/shrink.h"

#include "ir/op.h"
#include "ir/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

namespace kiln::test {

namespace {

using ir::Dims;
using ir::Function;
using ir::Module;
using ir::Node;
using ir::Value;

// What is done to a module while it is copied. Positions count over all functions.
struct Edit {
  int64_t drop_function = -1;
  int64_t drop_output = -1;
  int64_t end_node = -1;     // its first result becomes the only output
  int64_t cut_node = -1;     // its results become inputs
  int64_t replace_node = -1; // its result becomes an earlier value of its type: the `candidate`-th of them
  int64_t candidate = 0;
  int64_t default_node = -1; // its attributes become the op's defaults
  int64_t number = 0;        // where it is a dim, it becomes `smaller`
  int64_t smaller = 0;
};

// Puts another number in the dims that an op has as attributes: of a reshape, say.
class ReplaceDims final : public ir::FieldVisitor {
public:
  ReplaceDims(int64_t number, int64_t smaller) : number_(number), smaller_(smaller) {}
  void operator()(std::string_view, bool&) override {}
  void operator()(std::string_view, int64_t&) override {}
  void operator()(std::string_view, double&) override {}
  void operator()(std::string_view, ir::StreamId&) override {}
  void operator()(std::string_view, std::span<int64_t>) override {}
  void operator()(std::string_view, Dims& dims) override { std::replace(dims.begin(), dims.end(), number_, smaller_); }
  void operator()(std::string_view, std::vector<double>&) override {}
  void operator()(std::string_view, ir::Epilogue&) override {}
  void enumeration(std::string_view, std::span<const std::string_view>, int&) override {}

private:
  int64_t number_, smaller_;
};

// Copies what the outputs and effects need, edited. Throws TypeError where the edit leaves no valid network.
class Copy {
public:
  Copy(const Module& from, const Edit& edit) : from_(from), edit_(edit), to_(std::make_unique<Module>(from.name())) {
    to_->optimizer = from.optimizer;
    for (size_t f = 0; f < from.functions().size(); ++f)
      if (static_cast<int64_t>(f) != edit.drop_function) copy(*from.functions()[f]);
    to_->sweep_states();
  }

  const Module& result() const { return *to_; }

private:
  ir::TensorType edited(ir::TensorType type) const {
    if (edit_.number > 0) std::replace(type.dims.begin(), type.dims.end(), edit_.number, edit_.smaller);
    return type;
  }

  Value& value(Function& function, const Value& original) {
    const auto found = values_.find(&original);
    if (found != values_.end()) return *found->second;
    Value* made = nullptr;
    if (original.kind == Value::Kind::state) {
      ir::State* known = to_->find_state(original.name);
      if (known == nullptr) {
        const ir::State& state = from_.state_of(original);
        known = &to_->add_state(original.name, edited(original.type), state.role, state.initializer);
        known->stream = state.stream;
        known->lr_multiplier = state.lr_multiplier;
        known->decay_multiplier = state.decay_multiplier;
        known->frozen = state.frozen;
        known->data = state.data;
      }
      made = &known->value;
    } else {
      made = &function.add_input(original.name, edited(original.type));
    }
    values_[&original] = made;
    return *made;
  }

  static std::set<const Node*> needed(const Function& function, const std::vector<ir::Output>& outputs) {
    std::set<const Node*> found;
    std::set<const Value*> wanted;
    for (const ir::Output& output : outputs) wanted.insert(output.value);
    for (auto it = function.nodes().rbegin(); it != function.nodes().rend(); ++it) {
      const Node& node = **it;
      bool need = node.op().traits.effect;
      for (size_t i = 0; i < node.result_count(); ++i) need |= wanted.contains(&node.result(i));
      if (!need) continue;
      found.insert(&node);
      for (const Value* operand : node.operands()) wanted.insert(operand);
    }
    return found;
  }

  void copy(const Function& original) {
    Function& function = to_->add_function(original.name());
    std::erase_if(values_, [](const auto& entry) { return entry.first->kind != Value::Kind::state; });
    std::vector<ir::Output> outputs;
    for (const ir::Output& output : original.outputs) {
      if (output_++ != edit_.drop_output || original.outputs.size() == 1) outputs.push_back(output);
    }
    int64_t at = node_;
    bool ends_early = false; // then effects behind the end go too, or they would keep what they read
    for (const auto& node : original.nodes())
      if (at++ == edit_.end_node && node->result_count() > 0) {
        outputs = {{"end", &node->result()}};
        ends_early = true;
      }
    const auto wanted = needed(original, outputs);
    for (const auto& node : original.nodes()) {
      at = node_++;
      if (ends_early && at > edit_.end_node) continue;
      if (wanted.contains(node.get())) copy(function, *node, at);
    }
    for (const ir::Output& output : outputs) function.outputs.push_back({output.name, &value(function, *output.value)});
    function.sweep();
  }

  void copy(Function& function, const Node& node, int64_t at) {
    const bool effect = node.op().traits.effect;
    if (at == edit_.cut_node) return; // whoever uses its results makes them inputs
    if (at == edit_.replace_node && !effect && node.result_count() == 1)
      if (Value* other = earlier(function, node)) {
        values_[&node.result()] = other;
        return;
      }
    std::vector<Value*> operands;
    for (const Value* operand : node.operands()) operands.push_back(&value(function, *operand));
    ir::Attributes attributes = at == edit_.default_node ? node.op().make_attributes() : node.raw_attributes();
    if (edit_.number > 0) {
      ReplaceDims replace(edit_.number, edit_.smaller);
      attributes.visit(replace);
    }
    Node& made = function.create(node.op(), std::move(attributes), std::move(operands), "");
    made.layer = node.layer;
    for (size_t i = 0; i < node.result_count(); ++i) {
      made.result(i).name = node.result(i).name;
      values_[&node.result(i)] = &made.result(i);
    }
  }

  Value* earlier(Function& function, const Node& node) {
    const ir::TensorType type = edited(node.result().type);
    std::vector<Value*> found;
    for (const auto& input : function.inputs())
      if (input->type == type) found.push_back(input.get());
    for (const auto& known : function.nodes())
      for (size_t i = 0; i < known->result_count(); ++i)
        if (known->result(i).type == type) found.push_back(&known->result(i));
    return edit_.candidate < static_cast<int64_t>(found.size()) ? found[static_cast<size_t>(edit_.candidate)] : nullptr;
  }

  const Module& from_;
  const Edit& edit_;
  std::unique_ptr<Module> to_;
  std::map<const Value*, Value*> values_;
  int64_t node_ = 0, output_ = 0;
};

class Shrinking {
public:
  Shrinking(std::string text, const Fails& fails, int tries) : text_(std::move(text)), fails_(fails), left_(tries) {}

  std::string run() {
    while (left_ > 0 &&
           (drop_functions() | end_early() | drop_outputs() | cut_nodes() | smaller_dims() | default_attributes())) {
    }
    attempt({}); // drops inputs that are left without a user
    return text_;
  }

private:
  bool attempt(const Edit& edit) {
    if (left_ <= 0) return false;
    std::string candidate;
    try {
      const Copy copy(*ir::parse(text_), edit);
      candidate = ir::print(copy.result());
      if (candidate == text_ || ir::print(*ir::parse(candidate)) != candidate) return false;
    } catch (const std::exception&) { // no valid network
      return false;
    }
    --left_;
    if (!fails_(candidate)) return false;
    text_ = std::move(candidate);
    return true;
  }

  int64_t count_nodes() const {
    int64_t count = 0;
    const auto module = ir::parse(text_);
    for (const auto& function : module->functions()) count += static_cast<int64_t>(function->nodes().size());
    return count;
  }

  bool drop_functions() {
    bool any = false;
    for (auto f = static_cast<int64_t>(ir::parse(text_)->functions().size()) - 1; f >= 0; --f)
      if (ir::parse(text_)->functions().size() > 1) any |= attempt({.drop_function = f});
    return any;
  }

  // The first node that suffices.
  bool end_early() {
    const int64_t count = count_nodes();
    for (int64_t n = 0; n < count; ++n)
      if (attempt({.end_node = n})) return count_nodes() < count;
    return false;
  }

  bool drop_outputs() {
    int64_t count = 0;
    const auto module = ir::parse(text_);
    for (const auto& function : module->functions()) count += static_cast<int64_t>(function->outputs.size());
    bool any = false;
    for (int64_t o = count - 1; o >= 0; --o) any |= attempt({.drop_output = o});
    return any;
  }

  // From the end, so that what only a dropped node needed goes with it.
  bool cut_nodes() {
    bool any = false;
    for (int64_t n = count_nodes() - 1; n >= 0; --n) {
      bool gone = attempt({.cut_node = n});
      for (int64_t c = 0; c < 3 && !gone; ++c) gone = attempt({.replace_node = n, .candidate = c});
      any |= gone;
      n = std::min(n, count_nodes());
    }
    return any;
  }

  bool smaller_dims() {
    std::set<int64_t> numbers;
    const auto module = ir::parse(text_);
    const auto add = [&](const ir::TensorType& type) { numbers.insert(type.dims.begin(), type.dims.end()); };
    for (const auto& state : module->states()) add(state->value.type);
    for (const auto& function : module->functions())
      for (const auto& input : function->inputs()) add(input->type);
    bool any = false;
    for (auto number = numbers.rbegin(); number != numbers.rend(); ++number)
      for (int64_t smaller : {int64_t{1}, *number / 2, *number - 1})
        if (smaller >= 1 && smaller < *number && attempt({.number = *number, .smaller = smaller})) {
          any = true;
          break;
        }
    return any;
  }

  bool default_attributes() {
    bool any = false;
    for (int64_t n = count_nodes() - 1; n >= 0; --n) any |= attempt({.default_node = n});
    return any;
  }

  std::string text_;
  const Fails& fails_;
  int left_;
};

} // namespace

std::string shrink(const std::string& text, const Fails& fails, int tries) {
  return Shrinking(text, fails, tries).run();
}

} // namespace kiln::test
