// Folds batch norm into the weights and bias of the convolution or dense layer before it.
//
// With y = W x + b, (y - mean) r + shift is (r W) x + ((b - mean) r + shift), r = scale / sqrt(variance + epsilon).
// Assumes use_running_statistics has run and nothing is fused into the layer. Predict only: elsewhere weights change.
// Before fold_preprocess, which may fold into the same weights, and fuse_epilogue, which then finds a bias.
#include "ir/all_ops.h"
#include "passes/passes.h"

#include <fmt/format.h>
#include <vector>

namespace kiln::passes {

using namespace ir;

namespace {

// The node that makes a value for one user alone; null if there is none.
Node* sole_producer(const Function& function, const Value& value) {
  return value.producer != nullptr && function.users(value).size() == 1 && !function.is_output(value) ? value.producer
                                                                                                      : nullptr;
}

bool is_weighted(const Node& node) {
  return node.is<Conv2d>() ? node.attributes<Conv2d>().epilogue.empty()
                           : node.is<Dense>() && node.attributes<Dense>().epilogue.empty();
}

class NormFolding {
public:
  NormFolding(Function& function, Node& norm, const PassOptions& options)
      : function_(function), norm_(norm), options_(options) {}

  bool run() {
    Node* before = sole_producer(function_, norm_.operand(0));
    if (before != nullptr && before->is<Bias>()) {
      bias_ = before;
      before = sole_producer(function_, bias_->operand(0));
    }
    if (before == nullptr || !is_weighted(*before)) {
      note("stays: what comes before is no convolution or dense layer for it alone");
      return false;
    }
    layer_ = before;
    note(fmt::format("went into the weights and the bias of {}", name_for_people(*layer_)));
    fold_weights();
    fold_bias();
    return true;
  }

private:
  double epsilon() const { return norm_.attributes<BatchNormInference>().epsilon; }
  bool affine() const { return norm_.operands().size() == 5; }

  void note(std::string_view what) const {
    if (options_.note) options_.note(function_, fmt::format("{}: batch norm {}", name_for_people(norm_), what));
  }

  void fold_weights() {
    Value& weights = layer_->operand(1);
    std::vector<Value*> operands = {&weights, &norm_.operand(2)};
    if (affine()) operands.push_back(&norm_.operand(3));
    Node& folded = function_.create(info<FoldNormWeights>(), Attributes::of(FoldNormWeights::Attributes{epsilon()}),
                                    std::move(operands), weights.name + ".normed", layer_);
    folded.layer = layer_->layer;
    layer_->set_operand(1, folded.result());
  }

  void fold_bias() {
    std::vector<Value*> operands = {&norm_.operand(1), &norm_.operand(2)};
    if (affine()) operands.insert(operands.end(), {&norm_.operand(3), &norm_.operand(4)});
    if (bias_ != nullptr) operands.push_back(&bias_->operand(1));
    const std::string stem = bias_ != nullptr ? bias_->operand(1).name : layer_->result().name + ".bias";
    Node& folded = function_.create(info<FoldNormBias>(), Attributes::of(FoldNormBias::Attributes{epsilon()}),
                                    std::move(operands), stem + ".normed", &norm_);
    folded.layer = layer_->layer;
    Node& made = function_.create(info<Bias>(), Attributes{}, {&layer_->result(), &folded.result()}, "", &norm_);
    made.layer = norm_.layer;
    function_.replace_all_uses(norm_.result(), made.result());
    std::swap(made.result().name, norm_.result().name);
    function_.erase(norm_);
    if (bias_ != nullptr) function_.erase(*bias_);
  }

  Function& function_;
  Node& norm_;
  const PassOptions& options_;
  Node* layer_ = nullptr;
  Node* bias_ = nullptr;
};

} // namespace

bool fold_batch_norm(Module& module, const PassOptions& options) {
  bool changed = false;
  for (const auto& function : module.functions()) {
    if (kind_of(*function) != FunctionKind::predict) continue;
    std::vector<Node*> norms;
    for (const auto& node : function->nodes())
      if (node->is<BatchNormInference>()) norms.push_back(node.get());
    for (Node* norm : norms) changed |= NormFolding(*function, *norm, options).run();
  }
  return changed;
}

} // namespace kiln::passes
