// Folds the rotation of a decorrelation into the weights behind it, in predict.
//
// With z = R y, a layer's sum of W z is the sum of (W R) y; and W R is to each row of W what the gradient of z is to
// that of y. So the folded weights are what the backward op of the rotation makes of the weights: ordinary ops, which
// fold_constants evaluates. Zero stays zero under R, so that padding is none of its business.
// Colours (the rotation within normalize_image) fold into a convolution of one group or a dense layer, whole images (a
// dense op whose weights are a statistic) into a dense layer. What stays is one fused op, or one dense op.
// Assumes layers unfused and weights in plain layout. Before fold_preprocess, which may then fold center and factor
// too.
#include "ir/all_ops.h"
#include "passes/passes.h"
#include "passes/sole_user.h"

#include <fmt/format.h>

namespace kiln::passes {

using namespace ir;

namespace {

bool is_bare_dense(const Node& node) { return node.is<Dense>() && node.attributes<Dense>().epilogue.empty(); }

class RotationFolding {
public:
  RotationFolding(Function& function, Node& normalize, const PassOptions& options)
      : function_(function), normalize_(&normalize), options_(options) {}

  bool run() {
    const bool of_colors = normalize_->operands().size() == 4;
    return of_colors ? fold_colors() : fold_images();
  }

private:
  bool fold_colors() {
    const Value& image = normalize_->result();
    Node* user = only_user(function_, image);
    Node* flat = user != nullptr && user->is<Reshape>() ? user : nullptr;
    if (flat != nullptr) user = only_user(function_, flat->result());
    if (user == nullptr) return keep("its result has several users");
    if (user->is<Conv2d>() && flat == nullptr && &user->operand(0) == &image) {
      if (!user->attributes<Conv2d>().epilogue.empty() || user->attributes<Conv2d>().group != 1)
        return keep(fmt::format("{} has groups of channels", user->layer));
      const Dims& weights = user->operand(1).type.dims;
      Value& folded = rotate_filters(*user, user->operand(1), {weights[2], weights[3]});
      user->set_operand(1, folded);
      user->set_operand(0, without_rotation());
    } else if (flat != nullptr && is_bare_dense(*user) && flat->result().type.dims.size() == 2) {
      // The weights of a dense layer are filters as large as the image.
      const Dims& dims = image.type.dims;
      Value& weights = user->operand(1);
      const int64_t units = weights.type.dims[0];
      Value& filters = create<Reshape>({.dims = {units, dims[1], dims[2], dims[3]}}, {&weights}, "filters", *user);
      Value& folded = rotate_filters(*user, filters, {dims[2], dims[3]});
      const int64_t values = folded.type.elements() / units;
      user->set_operand(1, create<Reshape>({.dims = {units, values}}, {&folded}, "rows", *user));
      Node& flattened = function_.create(info<Reshape>(), Attributes::of(Reshape::Attributes{{dims[0], values}}),
                                         {&without_rotation()}, "", flat);
      flattened.layer = flat->layer;
      user->set_operand(0, flattened.result());
      std::swap(flattened.result().name, flat->result().name);
      function_.erase(*flat);
    } else {
      return keep("neither a convolution nor a dense layer follows");
    }
    function_.erase(*normalize_);
    normalize_ = user->operand(0).producer; // by whose name people know it
    if (normalize_->is<Reshape>()) normalize_ = normalize_->operand(0).producer;
    note(fmt::format("the colour rotation went into the weights of {}", user->layer));
    return true;
  }

  bool fold_images() {
    Node* flat = only_user(function_, normalize_->result());
    Node* rotation = flat != nullptr && flat->is<Reshape>() ? only_user(function_, flat->result()) : nullptr;
    if (rotation == nullptr || !is_rotation(*rotation)) return false; // nothing is rotated
    std::vector<Node*> reshapes;
    Node* user = only_user(function_, rotation->result());
    while (user != nullptr && user->is<Reshape>()) {
      reshapes.push_back(user);
      user = only_user(function_, user->result());
    }
    if (user == nullptr || !is_bare_dense(*user) || &user->operand(0) == &rotation->operand(0))
      return keep("no dense layer alone follows: it stays a dense op of its own");
    if (user->operand(0).type.dims != rotation->result().type.dims) return keep("what follows takes other rows");
    user->set_operand(1, create<DenseBackwardData>({}, {&rotation->operand(1), &user->operand(1)}, "rotated", *user));
    user->set_operand(0, flat->result());
    for (; !reshapes.empty(); reshapes.pop_back()) function_.erase(*reshapes.back());
    function_.erase(*rotation);
    note(fmt::format("the rotation went into the weights of {}", user->layer));
    return true;
  }

  bool is_rotation(const Node& node) const {
    if (!is_bare_dense(node) || node.operand(1).kind != Value::Kind::state) return false;
    return function_.module().state_of(node.operand(1)).role == StateRole::statistic;
  }

  Value& rotate_filters(Node& layer, Value& filters, Size2 size) {
    const Dims& rotation = normalize_->operand(3).type.dims;
    Value& pointwise =
        create<Reshape>({.dims = {rotation[0], rotation[1], 1, 1}}, {&normalize_->operand(3)}, "rotation", layer);
    Conv2dBackwardData::Attributes attributes;
    attributes.src_size = size;
    return create<Conv2dBackwardData>(attributes, {&pointwise, &filters}, "rotated", layer);
  }

  Value& without_rotation() {
    Node& made =
        function_.create(info<NormalizeImage>(), Attributes{},
                         {&normalize_->operand(0), &normalize_->operand(1), &normalize_->operand(2)}, "", normalize_);
    made.layer = normalize_->layer;
    std::swap(made.result().name, normalize_->result().name);
    return made.result();
  }

  // Beside the weights of a layer, named after them.
  template <class Op> Value& create(typename Op::Attributes attributes, const std::vector<Value*>& operands,
                                    std::string_view role, Node& layer) {
    Node& made = function_.create(info<Op>(), Attributes::of(std::move(attributes)), operands,
                                  fmt::format("{}.{}", layer.operand(1).name, role), &layer);
    made.layer = layer.layer;
    return made.result();
  }

  void note(std::string text) const {
    if (options_.note) options_.note(function_, fmt::format("{}: {}", normalize_->result().name, text));
  }
  bool keep(std::string_view why) const {
    note(fmt::format("the rotation stays: {}", why));
    return false;
  }

  Function& function_;
  Node* normalize_;
  const PassOptions& options_;
};

} // namespace

bool fold_rotation(Module& module, const PassOptions& options) {
  bool changed = false;
  for (const auto& function : module.functions()) {
    if (kind_of(*function) != FunctionKind::predict) continue;
    std::vector<Node*> candidates;
    for (const auto& node : function->nodes())
      if (node->is<NormalizeImage>()) candidates.push_back(node.get());
    for (Node* node : candidates) changed |= RotationFolding(*function, *node, options).run();
  }
  return changed;
}

} // namespace kiln::passes
