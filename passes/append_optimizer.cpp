// Turns the gradients of train_step into optimiser updates.
//
// Assumes differentiate has run: each output "gradient:<state>" becomes an update of that state and is an output no
// more. On its way a gradient is clipped, then the gradient of the penalties is added; behind the update a neuron's
// norm is limited and the running mean of the weights goes on, which other functions then use. What penalties there are
// is the output "penalty". Right behind differentiate, so that updates take part in ordering and memory planning like
// any other node.
#include "ir/op.h"
#include "ir/ops/adadelta_update.h"
#include "ir/ops/adagrad_update.h"
#include "ir/ops/adam_update.h"
#include "ir/ops/average_weights.h"
#include "ir/ops/clip.h"
#include "ir/ops/clip_by_norm.h"
#include "ir/ops/conv_transpose2d.h"
#include "ir/ops/limit_norm.h"
#include "ir/ops/penalty.h"
#include "ir/ops/regularize_gradient.h"
#include "ir/ops/rmsprop_update.h"
#include "ir/ops/sgd_update.h"
#include "ir/ops/weighted_sum.h"
#include "passes/passes.h"

#include <algorithm>
#include <fmt/format.h>

namespace kiln::passes {

using namespace ir;

namespace {

Value& learning_rate_of(Function& function) {
  if (Value* input = function.find_input("learning_rate")) return *input;
  return function.add_input("learning_rate", TensorType{DType::f32, {1}, {}});
}

// An update with these attributes, which are the same for all parameters but for the multipliers.
template <class Op>
void append(Function& function, State& parameter, Value& gradient, typename Op::Attributes attributes) {
  Module& module = function.module();
  attributes.weight_decay = module.optimizer.weight_decay * parameter.decay_multiplier;
  attributes.lr_multiplier = parameter.lr_multiplier;
  std::vector<Value*> operands = {&parameter.value};
  for (std::string_view slot : Op::slot_names)
    operands.push_back(
        &module.add_state(fmt::format("{}.{}", parameter.value.name, slot), parameter.value.type, StateRole::optimizer)
             .value);
  operands.insert(operands.end(), {&gradient, &learning_rate_of(function)});
  Node& update = function.create(info<Op>(), Attributes::of(attributes), std::move(operands), "");
  if (gradient.producer != nullptr) update.layer = gradient.producer->layer;
}

void append_update(Function& function, State& parameter, Value& gradient) {
  const Optimizer& optimizer = function.module().optimizer;
  switch (optimizer.kind) {
  case OptimizerKind::none:
    return;
  case OptimizerKind::sgd:
    return append<SgdUpdate>(function, parameter, gradient, {{}, optimizer.momentum, optimizer.nesterov});
  case OptimizerKind::adagrad:
    return append<AdagradUpdate>(function, parameter, gradient, {{}, optimizer.epsilon});
  case OptimizerKind::rmsprop:
    return append<RmspropUpdate>(function, parameter, gradient,
                                 {{}, optimizer.decay, optimizer.momentum, optimizer.epsilon});
  case OptimizerKind::adadelta:
    return append<AdadeltaUpdate>(function, parameter, gradient, {{}, optimizer.decay, optimizer.epsilon});
  case OptimizerKind::adam:
  case OptimizerKind::adamw:
    return append<AdamUpdate>(
        function, parameter, gradient,
        {{}, optimizer.beta1, optimizer.beta2, optimizer.epsilon, optimizer.kind == OptimizerKind::adamw});
  }
}

// One of the nodes around the updates, of the layer of `like`.
template <class Op> Node& create(Function& function, const Value& like, typename Op::Attributes attributes,
                                 const std::vector<Value*>& operands, const std::string& name) {
  Node& node = function.create(info<Op>(), Attributes::of(std::move(attributes)), operands, name);
  if (like.producer != nullptr) node.layer = like.producer->layer;
  return node;
}

Value& sum_of(Function& function, const std::vector<Value*>& values, const std::string& name) {
  if (values.size() == 1) return *values.front();
  WeightedSum::Attributes ones{std::vector<double>(values.size(), 1.0)};
  return function.create(info<WeightedSum>(), Attributes::of(std::move(ones)), values, name).result();
}

struct Learnt {
  State* parameter;
  Value* gradient;
};

// As it comes from differentiation, so that all of it is known before anything is scaled.
void clip_gradients(Function& function, std::vector<Learnt>& learnt) {
  const Optimizer& optimizer = function.module().optimizer;
  if (optimizer.clip_value > 0)
    for (Learnt& each : learnt)
      each.gradient = &create<Clip>(function, *each.gradient, {-optimizer.clip_value, optimizer.clip_value},
                                    {each.gradient}, each.gradient->name + ".clipped")
                           .result();
  if (optimizer.clip_norm == 0) return;
  std::vector<Value*> squares;
  for (const Learnt& each : learnt)
    squares.push_back(
        &create<Penalty>(function, *each.gradient, {0, 2}, {each.gradient}, each.gradient->name + ".squares").result());
  Value& all = sum_of(function, squares, "gradients.squares");
  for (Learnt& each : learnt)
    each.gradient = &create<ClipByNorm>(function, *each.gradient, {optimizer.clip_norm}, {each.gradient, &all},
                                        each.gradient->name + ".clipped")
                         .result();
}

// Penalties are on what is decayed.
void add_penalties(Function& function, std::vector<Learnt>& learnt) {
  const Optimizer& optimizer = function.module().optimizer;
  if (optimizer.l1 == 0 && optimizer.l2 == 0) return;
  const bool decay_is_penalty = optimizer.kind != OptimizerKind::adamw;
  std::vector<Value*> penalties;
  for (Learnt& each : learnt) {
    const double share = each.parameter->decay_multiplier;
    if (share == 0) continue;
    const double l1 = optimizer.l1 * share, l2 = optimizer.l2 * share;
    const double decay = decay_is_penalty ? optimizer.weight_decay * share : 0;
    Value& weights = each.parameter->value;
    penalties.push_back(
        &create<Penalty>(function, *each.gradient, {l1, l2 + decay}, {&weights}, weights.name + ".penalty").result());
    each.gradient = &create<RegularizeGradient>(function, *each.gradient, {l1, l2}, {&weights, each.gradient},
                                                each.gradient->name + ".regularized")
                         .result();
  }
  if (!penalties.empty()) function.outputs.push_back({"penalty", &sum_of(function, penalties, "penalties")});
}

// A neuron's incoming weights are a row of its parameter, but for transposed convolutions, where they are spread.
bool has_neurons(const Function& function, const State& parameter) {
  if (parameter.value.type.rank() < 2 || parameter.decay_multiplier == 0) return false;
  for (const Node* user : function.users(parameter.value))
    if (user->is<ConvTranspose2d>()) return false;
  return true;
}

void append_average(Function& function, const Learnt& learnt) {
  Module& module = function.module();
  State& parameter = *learnt.parameter;
  State& average = module.add_state(parameter.value.name + ".average", parameter.value.type, StateRole::optimizer,
                                    parameter.initializer);
  average.stream = parameter.stream; // begins as the parameter does
  average.data = parameter.data;
  create<AverageWeights>(function, *learnt.gradient, {module.optimizer.average_decay},
                         {&average.value, &parameter.value}, "");
  for (const auto& other : module.functions())
    if (other.get() != &function) other->replace_all_uses(parameter.value, average.value);
}

} // namespace

bool append_optimizer(Module& module, const PassOptions&) {
  Function* function = module.find_function("train_step");
  if (function == nullptr || module.optimizer.kind == OptimizerKind::none) return false;
  std::vector<Output> gradients;
  for (const Output& output : function->outputs)
    if (output.name.starts_with(kGradientPrefix)) gradients.push_back(output);
  if (gradients.empty()) return false;

  std::erase_if(function->outputs, [](const Output& output) { return output.name.starts_with(kGradientPrefix); });
  std::vector<Learnt> learnt;
  for (const Output& gradient : gradients) {
    State* parameter = module.find_state(std::string_view(gradient.name).substr(kGradientPrefix.size()));
    if (parameter == nullptr) throw PassError(fmt::format("output {} names no state", gradient.name));
    learnt.push_back({parameter, gradient.value});
  }
  clip_gradients(*function, learnt);
  add_penalties(*function, learnt);
  for (const Learnt& each : learnt) {
    const bool is_limited = module.optimizer.max_norm > 0 && has_neurons(*function, *each.parameter);
    append_update(*function, *each.parameter, *each.gradient);
    if (is_limited)
      create<LimitNorm>(*function, *each.gradient, {module.optimizer.max_norm}, {&each.parameter->value}, "");
    if (module.optimizer.average_decay > 0) append_average(*function, each);
  }
  return true;
}

} // namespace kiln::passes
