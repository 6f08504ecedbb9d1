// Removes layout conversions that undo each other or repeat one another.
//
// Assumes layouts are assigned; stands behind assign_layouts, which converts at each use without looking further.
// A conversion is a copy, so values that meet here again are equal. States alone need care: a conversion fixes what a
// state held before its update, and is not replaced by the state where it is read after that.
#include "ir/op.h"
#include "ir/ops/convert_layout.h"
#include "passes/passes.h"

#include <algorithm>
#include <map>
#include <utility>

namespace kiln::passes {

using namespace ir;

namespace {

class Cancellation {
public:
  explicit Cancellation(Function& function) : function_(function) {}

  bool run() {
    std::vector<Node*> converts;
    for (const auto& node : function_.nodes())
      if (node->is<ConvertLayout>()) converts.push_back(node.get());
    // In execution order: an inner conversion is already as short as it gets when an outer one looks at it.
    for (Node* convert : converts) visit(*convert);
    return changed_;
  }

private:
  void visit(Node& convert) {
    bypass_inner(convert);
    Value& source = convert.operand(0);
    if (source.type.layout == convert.result().type.layout && may_stand_for(source, convert.result())) {
      replace(convert, source);
      return;
    }
    Value*& first = first_[{&source, to_string(convert.result().type.layout)}];
    if (first == nullptr)
      first = &convert.result();
    else
      replace(convert, *first);
  }

  // Reads the source of a conversion before this one in its stead, which sweeping may then find unused.
  void bypass_inner(Node& convert) {
    const Node* inner = convert.operand(0).producer;
    if (inner == nullptr || !inner->is<ConvertLayout>()) return;
    if (!may_stand_for(inner->operand(0), inner->result())) return;
    convert.set_operand(0, inner->operand(0));
    changed_ = true;
  }

  void replace(Node& convert, Value& by) {
    function_.replace_all_uses(convert.result(), by);
    function_.erase(convert);
    changed_ = true;
  }

  // Whether the users of `copy` may read `source` instead: not when it is a state that is updated before one of them.
  bool may_stand_for(const Value& source, const Value& copy) const {
    if (source.kind != Value::Kind::state) return true;
    bool updated = false;
    for (const auto& node : function_.nodes()) {
      if (updated && reads(*node, copy)) return false;
      updated |= node->op().traits.effect && reads(*node, source);
    }
    return !(updated && function_.is_output(copy));
  }

  static bool reads(const Node& node, const Value& value) {
    return std::find(node.operands().begin(), node.operands().end(), &value) != node.operands().end();
  }

  Function& function_;
  std::map<std::pair<const Value*, std::string>, Value*> first_; // conversions by source and layout
  bool changed_ = false;
};

} // namespace

bool cancel_layout_converts(Module& module, const PassOptions&) {
  bool changed = false;
  for (const auto& function : module.functions()) changed |= Cancellation(*function).run();
  return changed;
}

} // namespace kiln::passes
