// Building and changing graphs: functions, nodes, values, states.
#include "ir/graph.h"

#include "ir/op.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

namespace kiln::ir {

namespace {

constexpr std::array<std::string_view, 7> kOptimizers = {"none",     "sgd",  "adagrad", "rmsprop",
                                                         "adadelta", "adam", "adamw"};

} // namespace

std::string_view name_of(OptimizerKind kind) { return kOptimizers.at(static_cast<size_t>(kind)); }

std::optional<OptimizerKind> parse_optimizer_kind(std::string_view text) {
  const auto found = std::find(kOptimizers.begin(), kOptimizers.end(), text);
  if (found == kOptimizers.end()) return std::nullopt;
  return static_cast<OptimizerKind>(found - kOptimizers.begin());
}

void Optimizer::fields(FieldVisitor& visit, bool all) {
  const bool adam = kind == OptimizerKind::adam || kind == OptimizerKind::adamw;
  if (kind == OptimizerKind::sgd || kind == OptimizerKind::rmsprop) visit("momentum", momentum);
  if (kind == OptimizerKind::sgd) visit("nesterov", nesterov);
  if (kind == OptimizerKind::rmsprop || kind == OptimizerKind::adadelta) visit("decay", decay);
  if (adam) visit("beta1", beta1);
  if (adam) visit("beta2", beta2);
  if (kind != OptimizerKind::sgd) visit("epsilon", epsilon);
  visit("weight_decay", weight_decay);
  for (auto [name, member] :
       {std::pair("l1", &Optimizer::l1), std::pair("l2", &Optimizer::l2), std::pair("max_norm", &Optimizer::max_norm),
        std::pair("clip_value", &Optimizer::clip_value), std::pair("clip_norm", &Optimizer::clip_norm),
        std::pair("average_decay", &Optimizer::average_decay)})
    if (all || this->*member != 0) visit(name, this->*member);
}

Value& Function::add_input(std::string_view name, TensorType type) {
  auto value = std::make_unique<Value>();
  value->kind = Value::Kind::input;
  value->name = unique_name(name);
  value->type = std::move(type);
  value->index = static_cast<int32_t>(inputs_.size());
  return *inputs_.emplace_back(std::move(value));
}

Value* Function::find_input(std::string_view name) const {
  for (const auto& input : inputs_)
    if (input->name == name) return input.get();
  return nullptr;
}

Value* Function::find_value(std::string_view name) const {
  if (Value* input = find_input(name)) return input;
  for (const auto& node : nodes_)
    for (const auto& result : node->results_)
      if (result->name == name) return result.get();
  return nullptr;
}

std::string Function::unique_name(std::string_view stem) const {
  std::string name(stem.empty() ? "v" : stem);
  if (find_value(name) == nullptr) return name;
  for (int suffix = 1;; ++suffix) {
    std::string candidate = fmt::format("{}.{}", name, suffix);
    if (find_value(candidate) == nullptr) return candidate;
  }
}

namespace {

std::vector<TensorType> types_of(const std::vector<Value*>& values) {
  std::vector<TensorType> types;
  types.reserve(values.size());
  for (const Value* value : values) types.push_back(value->type);
  return types;
}

} // namespace

Node& Function::create(const OpInfo& op, Attributes attributes, std::vector<Value*> operands, std::string_view name,
                       Node* before) {
  std::vector<TensorType> types = op.infer(attributes, types_of(operands));
  std::vector<std::string> names;
  for (size_t i = 0; i < types.size(); ++i)
    names.push_back(unique_name(types.size() == 1 ? std::string(name) : fmt::format("{}.{}", name, i)));
  return create_typed(op, std::move(attributes), std::move(operands), std::move(names), std::move(types), before);
}

Node& Function::create_typed(const OpInfo& op, Attributes attributes, std::vector<Value*> operands,
                             std::vector<std::string> result_names, std::vector<TensorType> result_types,
                             Node* before) {
  const std::vector<TensorType> inferred = op.infer(attributes, types_of(operands));
  if (inferred.size() != result_types.size())
    throw TypeError(fmt::format("{} has {} results, got {}", op.name, inferred.size(), result_types.size()));
  for (size_t i = 0; i < inferred.size(); ++i)
    if (!inferred[i].same_logical(result_types[i]))
      throw TypeError(fmt::format("{} gives {}, got {}", op.name, to_string(inferred[i]), to_string(result_types[i])));

  auto node = std::make_unique<Node>();
  node->op_ = &op;
  node->attributes_ = std::move(attributes);
  node->operands_ = std::move(operands);
  for (size_t i = 0; i < result_types.size(); ++i) {
    auto value = std::make_unique<Value>();
    value->kind = Value::Kind::result;
    value->name = std::move(result_names[i]);
    value->type = std::move(result_types[i]);
    value->producer = node.get();
    value->index = static_cast<int32_t>(i);
    node->results_.push_back(std::move(value));
  }
  auto position = before == nullptr
                      ? nodes_.end()
                      : std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& n) { return n.get() == before; });
  return **nodes_.insert(position, std::move(node));
}

std::vector<Node*> Function::users(const Value& value) const {
  std::vector<Node*> found;
  for (const auto& node : nodes_)
    if (std::find(node->operands_.begin(), node->operands_.end(), &value) != node->operands_.end())
      found.push_back(node.get());
  return found;
}

bool Function::is_output(const Value& value) const {
  return std::any_of(outputs.begin(), outputs.end(), [&](const Output& output) { return output.value == &value; });
}

void Function::replace_all_uses(const Value& of, Value& with) {
  for (const auto& node : nodes_)
    std::replace(node->operands_.begin(), node->operands_.end(), const_cast<Value*>(&of), &with);
  for (Output& output : outputs)
    if (output.value == &of) output.value = &with;
}

void Function::erase(Node& node) {
  nodes_.remove_if([&](const auto& candidate) { return candidate.get() == &node; });
}

bool Function::sweep() {
  std::set<const Value*> needed;
  for (const Output& output : outputs) needed.insert(output.value);
  bool changed = false;
  for (auto it = nodes_.end(); it != nodes_.begin();) {
    --it;
    const Node& node = **it;
    const bool used = node.op().traits.effect || std::any_of(node.results_.begin(), node.results_.end(),
                                                             [&](const auto& r) { return needed.contains(r.get()); });
    if (used) {
      needed.insert(node.operands_.begin(), node.operands_.end());
    } else {
      it = nodes_.erase(it);
      changed = true;
    }
  }
  return changed;
}

State& Module::add_state(std::string name, TensorType type, StateRole role, Initializer initializer) {
  auto state = std::make_unique<State>();
  state->value.kind = Value::Kind::state;
  state->value.name = std::move(name);
  state->value.type = std::move(type);
  state->value.index = static_cast<int32_t>(states_.size());
  state->role = role;
  state->initializer = initializer;
  return *states_.emplace_back(std::move(state));
}

State* Module::find_state(std::string_view name) const {
  for (const auto& state : states_)
    if (state->value.name == name) return state.get();
  return nullptr;
}

void Module::sweep_states() {
  std::set<const Value*> used;
  for (const auto& function : functions_) {
    for (const auto& node : function->nodes()) used.insert(node->operands().begin(), node->operands().end());
    for (const Output& output : function->outputs) used.insert(output.value);
  }
  std::erase_if(states_, [&](const auto& state) { return !used.contains(&state->value); });
  for (size_t i = 0; i < states_.size(); ++i) states_[i]->value.index = static_cast<int32_t>(i);
}

Function& Module::add_function(std::string name) {
  return *functions_.emplace_back(std::make_unique<Function>(*this, std::move(name)));
}

Function* Module::find_function(std::string_view name) const {
  for (const auto& function : functions_)
    if (function->name() == name) return function.get();
  return nullptr;
}

} // namespace kiln::ir
