// Moves what is done to a result alone into the kernel that makes it: a bias, a scale, a sum with another tensor and an
// activation into a convolution, transposed convolution or dense layer, a sum and an activation into batch norm.
//
// Assumes differentiate has run: a backward op that needs the value in between keeps it from fusing, as any second user
// does. Most activations go back through their result, so they fuse in training too; sums always do.
#include "ir/all_ops.h"
#include "ir/ops/normalization.h"
#include "passes/joined_layers.h"
#include "passes/passes.h"

#include <algorithm>
#include <optional>

namespace kiln::passes {

using namespace ir;

namespace {

struct Fusion {
  EpilogueStep step;
  Value* operand = nullptr; // that the step takes
};

std::optional<EpilogueStep> activation_of(const Node& node) {
  if (node.is<Relu>()) return EpilogueStep{EpilogueKind::relu};
  if (node.is<LeakyRelu>()) return EpilogueStep{EpilogueKind::leaky_relu, node.attributes<LeakyRelu>().slope};
  if (node.is<Clip>()) {
    const auto& attributes = node.attributes<Clip>();
    return EpilogueStep{EpilogueKind::clip, attributes.min, attributes.max};
  }
  if (node.is<Sigmoid>()) return EpilogueStep{EpilogueKind::sigmoid};
  if (node.is<Tanh>()) return EpilogueStep{EpilogueKind::tanh};
  if (node.is<Silu>()) return EpilogueStep{EpilogueKind::silu};
  if (node.is<HardSwish>()) return EpilogueStep{EpilogueKind::hard_swish};
  return std::nullopt;
}

// What `user` does to `value`, where it can be a step of an epilogue.
std::optional<Fusion> step_of(const Node& user, const Value& value) {
  if (user.is<Add>()) {
    Value& other = user.operand(&user.operand(0) == &value ? 1 : 0);
    if (&other == &value || other.type != value.type) return std::nullopt;
    return Fusion{{EpilogueKind::add}, &other};
  }
  if (&user.operand(0) != &value) return std::nullopt;
  if (user.is<Bias>()) return Fusion{{EpilogueKind::bias}, &user.operand(1)};
  if (user.is<Scale>()) return Fusion{{EpilogueKind::scale}, &user.operand(1)};
  const auto activation = activation_of(user);
  return activation ? std::optional(Fusion{*activation}) : std::nullopt;
}

// Biases and scales come first, then one sum, then one activation.
int rank_of(EpilogueKind kind) {
  if (kind == EpilogueKind::bias || kind == EpilogueKind::scale) return 0;
  return kind == EpilogueKind::add ? 1 : 2;
}

bool follows(const EpilogueStep& step, const Epilogue& so_far) {
  if (so_far.empty()) return true;
  const int last = rank_of(so_far.back().kind);
  return rank_of(step.kind) > last || (rank_of(step.kind) == 0 && last == 0 && step.kind != so_far.back().kind);
}

template <class Op> bool takes(const EpilogueStep& step) {
  if constexpr (std::is_same_v<Op, BatchNorm> || std::is_same_v<Op, BatchNormInference>)
    return rank_of(step.kind) > 0 && keeps_zero(step);
  return true;
}

// Where `producer` fused with its user can stand: before all that uses it, and behind `operand`, if that is any; null
// if there is no such place. A convolution's place is its user's.
Node* place_of(const Function& function, const Node& producer, const Node& user, const Value* operand) {
  Node* first_user = nullptr;
  bool operand_made = operand == nullptr || operand->producer == nullptr;
  for (const auto& node : function.nodes()) {
    const auto& operands = node->operands();
    const bool uses = node.get() == &user || std::any_of(operands.begin(), operands.end(), [&](const Value* value) {
                        return value->producer == &producer;
                      });
    if (uses && first_user == nullptr) first_user = node.get();
    if (first_user != nullptr) break;
    operand_made = operand_made || operand->producer == node.get();
  }
  return operand_made ? first_user : nullptr;
}

// Replaces `producer` and the only user of its first result by one node; null if they do not fuse.
template <class Op> Node* fuse_one(Function& function, Node& producer) {
  const auto users = function.users(producer.result(0));
  if (users.size() != 1 || function.is_output(producer.result(0))) return nullptr;
  Node& user = *users[0];
  const auto fusion = step_of(user, producer.result(0));
  typename Op::Attributes attributes = producer.attributes<Op>();
  if (!fusion || !takes<Op>(fusion->step) || !follows(fusion->step, attributes.epilogue)) return nullptr;
  Node* place = place_of(function, producer, user, fusion->operand);
  if (place == nullptr) return nullptr;

  attributes.epilogue.push_back(fusion->step);
  std::vector<Value*> operands = producer.operands();
  if (fusion->operand != nullptr) operands.push_back(fusion->operand);
  std::string name = user.result().name;
  Node& fused = function.create(info<Op>(), Attributes::of(std::move(attributes)), std::move(operands), name, place);
  fused.layer = joined_layers(producer, user);
  function.replace_all_uses(user.result(), fused.result(0));
  for (size_t i = 1; i < producer.result_count(); ++i) {
    function.replace_all_uses(producer.result(i), fused.result(i));
    std::swap(fused.result(i).name, producer.result(i).name);
  }
  function.erase(user);
  function.erase(producer);
  fused.result(0).name = std::move(name);
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
    changed |= fuse_all<BatchNorm>(*function);
    changed |= fuse_all<BatchNormInference>(*function);
  }
  return changed;
}

} // namespace kiln::passes
