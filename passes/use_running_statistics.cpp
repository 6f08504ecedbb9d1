// Makes batch norm use its running statistics in functions that do not train.
//
// Those are the states that the update behind a batch_norm writes; the update goes. A batch_norm without one keeps to
// the statistics of its batch.
// First in the pipelines, but after differentiate, which works on train_step alone: what folds and fuses must find the
// form that functions end with, and none may update a state.
#include "ir/op.h"
#include "ir/ops/batch_norm.h"
#include "ir/ops/batch_norm_inference.h"
#include "ir/ops/update_running_statistics.h"
#include "passes/passes.h"

#include <vector>

namespace kiln::passes {

using namespace ir;

namespace {

Node* update_of(const Function& function, const Node& norm) {
  for (Node* user : function.users(norm.result(1)))
    if (user->is<UpdateRunningStatistics>()) return user;
  return nullptr;
}

bool rewrite(Function& function, Node& norm) {
  Node* update = update_of(function, norm);
  if (update == nullptr) return false;
  std::vector<Value*> operands = norm.operands();
  operands.insert(operands.begin() + 1, {&update->operand(0), &update->operand(1)});
  BatchNormInference::Attributes attributes{norm.attributes<BatchNorm>().epsilon, {}};
  Node& made = function.create(info<BatchNormInference>(), Attributes::of(attributes), std::move(operands), "", &norm);
  made.layer = norm.layer;
  function.replace_all_uses(norm.result(0), made.result());
  std::swap(made.result().name, norm.result(0).name);
  function.erase(*update);
  if (function.users(norm.result(1)).empty() && function.users(norm.result(2)).empty() &&
      !function.is_output(norm.result(1)) && !function.is_output(norm.result(2)))
    function.erase(norm);
  return true;
}

} // namespace

bool use_running_statistics(Module& module, const PassOptions&) {
  bool changed = false;
  for (const auto& function : module.functions()) {
    if (kind_of(*function) == FunctionKind::train_step) continue;
    std::vector<Node*> norms;
    for (const auto& node : function->nodes())
      if (node->is<BatchNorm>()) norms.push_back(node.get());
    for (Node* norm : norms) changed |= rewrite(*function, *norm);
  }
  return changed;
}

} // namespace kiln::passes
