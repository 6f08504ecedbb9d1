// Turns the gradients of train_step into optimiser updates.
//
// Assumes differentiate has run: each output "gradient:<state>" becomes an update of that state and is an output no
// more. Right behind differentiate, so that updates take part in ordering and memory planning like any other node.
#include "ir/op.h"
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

void append_sgd(Function& function, State& parameter, Value& gradient) {
  Module& module = function.module();
  const Optimizer& optimizer = module.optimizer;
  State& velocity = module.add_state(parameter.value.name + ".velocity", parameter.value.type, StateRole::optimizer);
  SgdUpdate::Attributes attributes;
  attributes.momentum = optimizer.momentum;
  attributes.weight_decay = optimizer.weight_decay * parameter.decay_multiplier;
  attributes.lr_multiplier = parameter.lr_multiplier;
  Node& update = function.create(info<SgdUpdate>(), Attributes::of(attributes),
                                 {&parameter.value, &velocity.value, &gradient, &learning_rate_of(function)}, "");
  if (gradient.producer != nullptr) update.layer = gradient.producer->layer;
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
    append_sgd(*function, *parameter, *gradient.value);
  }
  return true;
}

} // namespace kiln::passes
