// Turns the gradients of train_step into optimiser updates.
//
// Assumes differentiate has run: each output "gradient:<state>" becomes an update of that state and is an output no
// more. Right behind differentiate, so that updates take part in ordering and memory planning like any other node.
#include "ir/op.h"
#include "ir/ops/adadelta_update.h"
#include "ir/ops/adagrad_update.h"
#include "ir/ops/adam_update.h"
#include "ir/ops/rmsprop_update.h"
#include "ir/ops/sgd_update.h"
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

} // namespace

bool append_optimizer(Module& module, const PassOptions&) {
  Function* function = module.find_function("train_step");
  if (function == nullptr || module.optimizer.kind == OptimizerKind::none) return false;
  std::vector<Output> gradients;
  for (const Output& output : function->outputs)
    if (output.name.starts_with(kGradientPrefix)) gradients.push_back(output);
  if (gradients.empty()) return false;

  std::erase_if(function->outputs, [](const Output& output) { return output.name.starts_with(kGradientPrefix); });
  for (const Output& gradient : gradients) {
    State* parameter = module.find_state(std::string_view(gradient.name).substr(kGradientPrefix.size()));
    if (parameter == nullptr) throw PassError(fmt::format("output {} names no state", gradient.name));
    append_update(*function, *parameter, *gradient.value);
  }
  return true;
}

} // namespace kiln::passes
