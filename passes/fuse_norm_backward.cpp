// Moves an activation's gradient into the batch norm's gradient behind it, which then decides anew which elements the
// activation passed, from what it reads anyway: neither the activation's result nor its gradient is read or stored.
//
// After fuse_epilogue, which moves the activation itself into batch norm.
#include "ir/all_ops.h"
#include "ir/ops/epilogue_formula.h"
#include "passes/joined_layers.h"
#include "passes/passes.h"
#include "passes/sole_user.h"

namespace kiln::passes {

using namespace ir;

namespace {

// Whether `node` is the gradient of the activation `step`.
bool is_backward_of(const Node& node, const EpilogueStep& step) {
  if (!has_backward_by_operand(step)) return false;
  if (node.is<ReluBackward>()) return step.kind == EpilogueKind::relu;
  if (node.is<LeakyReluBackward>())
    return step.kind == EpilogueKind::leaky_relu && node.attributes<LeakyReluBackward>().slope == step.first;
  if (!node.is<ClipBackward>() || step.kind != EpilogueKind::clip) return false;
  const auto& attributes = node.attributes<ClipBackward>();
  return attributes.min == step.first && attributes.max == step.second;
}

bool fuse_one(Function& function, Node& backward) {
  if (!backward.attributes<BatchNormBackward>().epilogue.empty()) return false;
  Node* activation = backward.operand(3).producer;
  if (activation == nullptr || activation->operands().size() != 2 ||
      only_user(function, activation->result()) != &backward)
    return false;
  // The activation's result, out of the batch norm whose gradient this is.
  const Value& result = activation->operand(0);
  Node* norm = result.producer;
  if (norm == nullptr || !norm->is<BatchNorm>() || &result != &norm->result(0) ||
      &norm->operand(0) != &backward.operand(0) || &norm->result(1) != &backward.operand(1))
    return false;
  const Epilogue& epilogue = norm->attributes<BatchNorm>().epilogue;
  if (epilogue.size() != 1 || !is_backward_of(*activation, epilogue[0])) return false;

  BatchNormBackward::Attributes attributes = backward.attributes<BatchNormBackward>();
  attributes.epilogue = epilogue;
  std::vector<Value*> operands = backward.operands();
  operands[3] = &activation->operand(1);
  if (operands.size() == 5) operands.push_back(&norm->operand(2));
  Node& fused = function.create(info<BatchNormBackward>(), Attributes::of(std::move(attributes)), std::move(operands),
                                "", &backward);
  fused.layer = joined_layers(backward, *activation);
  for (size_t i = 0; i < backward.result_count(); ++i) {
    function.replace_all_uses(backward.result(i), fused.result(i));
    std::swap(fused.result(i).name, backward.result(i).name);
  }
  function.erase(backward);
  function.erase(*activation);
  return true;
}

} // namespace

bool fuse_norm_backward(Module& module, const PassOptions&) {
  bool changed = false;
  for (const auto& function : module.functions()) {
    std::vector<Node*> found;
    for (const auto& node : function->nodes())
      if (node->is<BatchNormBackward>()) found.push_back(node.get());
    for (Node* node : found) changed |= fuse_one(*function, *node);
  }
  return changed;
}

} // namespace kiln::passes
