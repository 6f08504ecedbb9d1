// Moves a bias and an activation into the convolution, transposed convolution or dense kernel before them.
//
// Assumes differentiate has run: a backward op that needs the value in between keeps it from fusing, as any second user
// does. Activations go back through their result, so bias and activation fuse in training too.
#include "ir/all_ops.h"
#include "passes/passes.h"

#include <optional>

namespace kiln::passes {

using namespace ir;

namespace {

// A bias comes first, then one activation.
std::optional<EpilogueStep> step_for(const Node& user, const Epilogue& so_far) {
  if (user.is<Bias>()) return so_far.empty() ? std::optional(EpilogueStep{EpilogueKind::bias}) : std::nullopt;
  if (!so_far.empty() && so_far.back().kind != EpilogueKind::bias) return std::nullopt;
  if (user.is<Relu>()) return EpilogueStep{EpilogueKind::relu};
  if (user.is<LeakyRelu>()) return EpilogueStep{EpilogueKind::leaky_relu, user.attributes<LeakyRelu>().slope};
  if (user.is<Sigmoid>()) return EpilogueStep{EpilogueKind::sigmoid};
  if (user.is<Tanh>()) return EpilogueStep{EpilogueKind::tanh};
  return std::nullopt;
}

std::string joined_layers(const Node& producer, const Node& user) {
  if (producer.layer.empty() || user.layer.empty() || producer.layer == user.layer)
    return producer.layer.empty() ? user.layer : producer.layer;
  return producer.layer + ", " + user.layer;
}

// Replaces `producer` and its only user by one node that stands where the user stood; null if they do not fuse.
template <class Op> Node* fuse_one(Function& function, Node& producer) {
  const auto users = function.users(producer.result());
  if (users.size() != 1 || function.is_output(producer.result())) return nullptr;
  Node& user = *users[0];
  if (&user.operand(0) != &producer.result() || user.op().traits.effect) return nullptr;
  typename Op::Attributes attributes = producer.attributes<Op>();
  const auto step = step_for(user, attributes.epilogue);
  if (!step) return nullptr;

  attributes.epilogue.push_back(*step);
  std::vector<Value*> operands = producer.operands();
  if (step->kind == EpilogueKind::bias) operands.push_back(&user.operand(1));
  std::string name = user.result().name;
  Node& fused = function.create(info<Op>(), Attributes::of(std::move(attributes)), std::move(operands), name, &user);
  fused.layer = joined_layers(producer, user);
  function.replace_all_uses(user.result(), fused.result());
  function.erase(user);
  function.erase(producer);
  fused.result().name = std::move(name);
  return &fused;
}

template <class Op> bool fuse_all(Function& function) {
  std::vector<Node*> producers;
  for (const auto& node : function.nodes())
    if (node->is<Op>()) producers.push_back(node.get());
  bool changed = false;
  for (Node* node : producers)
    while ((node = fuse_one<Op>(function, *node)) != nullptr) changed = true;
  return changed;
}

} // namespace

bool fuse_epilogue(Module& module, const PassOptions&) {
  bool changed = false;
  for (const auto& function : module.functions()) {
    changed |= fuse_all<Conv2d>(*function);
    changed |= fuse_all<ConvTranspose2d>(*function);
    changed |= fuse_all<Dense>(*function);
  }
  return changed;
}

} // namespace kiln::passes
