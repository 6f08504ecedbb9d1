// Builds the gradient of train_step's loss with respect to every parameter that is not frozen.
//
// Assumes the output "loss" is one value, f32[1]. First in the training pipeline: gradient rules speak of the ops a
// user wrote, and folding or fusing before would hide values that they need.
// Frozen parameters want no gradient, so whatever only they would need is never built.
#include "ir/op.h"
#include "ir/ops/constant.h"
#include "passes/gradients.h"
#include "passes/passes.h"

#include <fmt/format.h>

namespace kiln::passes {

using namespace ir;

namespace {

bool has_gradients(const Function& function) {
  for (const Output& output : function.outputs)
    if (output.name.starts_with(kGradientPrefix)) return true;
  return false;
}

Value* find_loss(const Function& function) {
  for (const Output& output : function.outputs)
    if (output.name == "loss") return output.value;
  return nullptr;
}

} // namespace

bool differentiate(Module& module, const PassOptions&) {
  Function* function = module.find_function("train_step");
  if (function == nullptr || has_gradients(*function)) return false;
  Value* loss = find_loss(*function);
  if (loss == nullptr) throw PassError("train_step has no output named loss");
  if (loss->type.dims != Dims{1})
    throw PassError(fmt::format("the loss is {}, it must be f32[1]", to_string(loss->type)));

  std::vector<Value*> parameters;
  for (const auto& state : module.states())
    if (state->role == StateRole::parameter && !state->frozen && !function->users(state->value).empty())
      parameters.push_back(&state->value);
  if (parameters.empty()) return false;

  Value& one = function->create(info<Constant>(), Attributes::of(Constant::Attributes{}), {}, "loss.gradient").result();
  const GradientSeed seed{loss, &one};
  const auto gradients = build_gradients(*function, {&seed, 1}, parameters);
  for (Value* parameter : parameters)
    if (const auto found = gradients.find(parameter); found != gradients.end())
      function->outputs.push_back({std::string(kGradientPrefix) + parameter->name, found->second});
  return true;
}

} // namespace kiln::passes
