// The reverse walk. The gradient rules themselves live with the ops.
#include "passes/gradients.h"

#include "ir/op.h"
#include "ir/ops/add.h"
#include "passes/passes.h"

#include <fmt/format.h>
#include <set>
#include <vector>

namespace kiln::passes {

namespace {

using namespace ir;

class ReverseWalk final : public GradientBuilder {
public:
  ReverseWalk(Function& function, std::span<const GradientSeed> seeds, std::span<Value* const> wanted)
      : function_(function), wanted_(wanted) {
    for (const GradientSeed& seed : seeds) add_contribution(*seed.output, *seed.cotangent);
    find_needed();
  }

  std::map<Value*, Value*> run() {
    std::vector<Node*> forward;
    for (const auto& node : function_.nodes()) forward.push_back(node.get());
    for (size_t i = forward.size(); i-- > 0;) visit(*forward[i]);
    std::map<Value*, Value*> gradients;
    for (Value* value : wanted_)
      if (const auto found = gradients_.find(value); found != gradients_.end()) gradients.insert(*found);
    return gradients;
  }

  Value* result_gradient(size_t i) override {
    const auto found = gradients_.find(&node_->result(i));
    return found == gradients_.end() ? nullptr : found->second;
  }
  bool wants(size_t operand) const override { return needed_.contains(&node_->operand(operand)); }
  void set_operand_gradient(size_t operand, Value& gradient) override {
    if (wants(operand)) add_contribution(node_->operand(operand), gradient);
  }
  Value& create(const OpInfo& op, Attributes attributes, std::vector<Value*> operands, std::string_view role) override {
    const std::string stem = node_->layer.empty() ? node_->result().name : node_->layer;
    Node& made = function_.create(op, std::move(attributes), std::move(operands), fmt::format("{}.{}", stem, role));
    made.layer = node_->layer;
    return made.result();
  }

private:
  // A value is needed when it is wanted or computed from one that is.
  void find_needed() {
    needed_.insert(wanted_.begin(), wanted_.end());
    for (const auto& node : function_.nodes())
      for (const Value* operand : node->operands())
        if (needed_.contains(operand))
          for (size_t i = 0; i < node->result_count(); ++i) needed_.insert(&node->result(i));
  }

  void visit(Node& node) {
    bool has_gradient = false;
    bool is_needed = false;
    node_ = &node;
    for (size_t i = 0; i < node.result_count(); ++i) has_gradient |= result_gradient(i) != nullptr;
    for (const Value* operand : node.operands()) is_needed |= needed_.contains(operand);
    if (!has_gradient || !is_needed) return;
    if (node.op().gradient == nullptr)
      throw PassError(fmt::format("layer \"{}\": the loss depends on parameters through {}, which has no gradient",
                                  node.layer, node.op().name));
    node.op().gradient(*this, node);
  }

  void add_contribution(Value& of, Value& gradient) {
    Value*& sum = gradients_[&of];
    sum =
        sum == nullptr
            ? &gradient
            : &function_.create(info<Add>(), Attributes::of(Add::Attributes{}), {sum, &gradient}, of.name + ".gradient")
                   .result();
  }

  Function& function_;
  std::span<Value* const> wanted_;
  std::set<const Value*> needed_;
  std::map<Value*, Value*> gradients_;
  Node* node_ = nullptr;
};

} // namespace

std::map<Value*, Value*> build_gradients(Function& function, std::span<const GradientSeed> seeds,
                                         std::span<Value* const> wanted) {
  return ReverseWalk(function, seeds, wanted).run();
}

} // namespace kiln::passes
