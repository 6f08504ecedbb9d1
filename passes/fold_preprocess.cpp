// Folds scale and mean of the pre-processing into the first layer of predict.
//
// With z = scale x + shift, a first layer's sum of w z is the sum of (w scale) x, plus a bias, the sum of w shift. They
// are those of preprocess or, as factor and -center factor, of normalize_image, if its states are known. Into a
// convolution goes what is the same for all pixels, into a dense layer a value a pixel too.
// Assumes the first layer is unfused and in plain layout. Predict only: training must see weights as they are.
//
// Exact at borders: a padded convolution pads with z = 0, so its padding becomes a border of the pre-processing that
// holds x = -shift / scale, which is what z = 0 stands for.
//
// The shift is folded only where it is at most kMaxShift times what z can span, 255 scale for bytes. Then neither term
// of a folded sum exceeds the span, while z itself reaches at least half of it: rounding may double, and against
// images that differ by one grey level alone it costs 8 bits of 24. Beyond, and for float images, whose span nobody
// knows, large terms could cancel without bound; there the subtraction stays in front of the products, as x + shift /
// scale, and the scale alone is folded.
// Nor is normalize_image folded where gains differ much: where some factors are more than kMaxGains times others, or
// the weights hold a rotation that whitens. What varies little is amplified there, and the terms of 255 grey levels
// that would cancel are amplified with it: they would drown it, and cost log2 of the gains in bits. It then stays as it
// is: one pass over the image subtracts, multiplies and converts, and costs what converting alone would.
#include "ir/all_ops.h"
#include "ir/ops/channel_values.h"
#include "passes/passes.h"
#include "passes/sole_user.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace kiln::passes {

using namespace ir;

namespace {

constexpr double kMaxShift = 1;
constexpr double kByteSpan = 255;
constexpr double kMaxGains = 16;

using ChannelValues = std::vector<double>;

bool all_equal(const ChannelValues& values, double to) {
  return std::all_of(values.begin(), values.end(), [&](double value) { return value == to; });
}

struct Channels {
  ChannelValues scale, shift, border; // border: values before scaling that come out as pad_value

  Channels(const Preprocess::Attributes& attributes, int64_t count) {
    for (int64_t c = 0; c < count; ++c) {
      scale.push_back(channel_value(attributes.scale, c));
      shift.push_back(channel_value(attributes.shift, c));
      border.push_back(raw(channel_value(attributes.pad_value, c), static_cast<size_t>(c)));
    }
  }

  // Of normalize_image, one a channel or one a value of the image.
  Channels(const std::vector<double>& center, const std::vector<double>& factor, int64_t count) {
    const auto at = [count](const std::vector<double>& values, int64_t i) {
      return values[static_cast<size_t>(i / (count / static_cast<int64_t>(values.size())))];
    };
    for (int64_t i = 0; i < count; ++i) {
      scale.push_back(at(factor, i));
      shift.push_back(0.0 - at(center, i) * at(factor, i)); // not -0
      border.push_back(at(center, i));
    }
  }

  double raw(double scaled, size_t channel) const { return (scaled - shift[channel]) / scale[channel]; }

  bool is_identity() const { return all_equal(scale, 1) && all_equal(shift, 0); }
  bool is_invertible() const {
    for (size_t c = 0; c < scale.size(); ++c)
      if (scale[c] == 0 || !std::isfinite(raw(0, c)) || !std::isfinite(border[c])) return false;
    return true;
  }
  bool has_like_gains() const {
    const auto [least, most] =
        std::minmax_element(scale.begin(), scale.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    return std::abs(*most) <= kMaxGains * std::abs(*least);
  }
  bool may_fold_shift(DType image) const {
    for (size_t c = 0; c < scale.size(); ++c)
      if (shift[c] != 0 && (image != DType::u8 || std::abs(shift[c]) > kMaxShift * kByteSpan * std::abs(scale[c])))
        return false;
    return true;
  }
};

// One value where all channels agree: what people write, and what goes to all groups of a convolution.
ChannelValues shortest(const ChannelValues& values) {
  return all_equal(values, values[0]) ? ChannelValues{values[0]} : values;
}

// Of the states of normalize_image; empty where they are not known.
std::vector<double> known_values(const Function& function, const Value& value) {
  return value.kind == Value::Kind::state ? function.module().state_of(value).data : std::vector<double>{};
}

// R R^T = 1 to within a thousandth, tried on a vector that no rotation of use leaves as it is: it amplifies nothing.
bool is_orthonormal(const std::vector<double>& rows, int64_t count) {
  const auto length = static_cast<int64_t>(rows.size()) / count;
  const auto probe = [](int64_t k) { return static_cast<double>(k * 7919 % 101 - 50); };
  std::vector<double> back(static_cast<size_t>(length));
  for (int64_t k = 0; k < count; ++k)
    for (int64_t i = 0; i < length; ++i)
      back[static_cast<size_t>(i)] += probe(k) * rows[static_cast<size_t>(k * length + i)];
  for (int64_t k = 0; k < count; ++k) {
    double sum = 0;
    for (int64_t i = 0; i < length; ++i)
      sum += rows[static_cast<size_t>(k * length + i)] * back[static_cast<size_t>(i)];
    if (!(std::abs(sum - probe(k)) <= 1e-3 * 50)) return false;
  }
  return true;
}

class PreprocessFolding {
public:
  PreprocessFolding(Function& function, Node& preprocess, const PassOptions& options)
      : function_(function), preprocess_(preprocess), options_(options),
        attributes_(preprocess.is<Preprocess>() ? preprocess.attributes<Preprocess>() : Preprocess::Attributes{}),
        channels_(channels_of(function, preprocess, attributes_)) {}

  bool run() {
    if (channels_.scale.empty()) return false; // its states are not known
    if (!find_layer()) return keep("what follows is no convolution or dense layer that alone uses it");
    if (channels_.is_identity()) return false;
    if (!channels_.is_invertible()) return keep("a factor is 0 or beyond all range");
    if (is_padded() && !all_equal(attributes_.pad_value, 0) && attributes_.pad != Padding{})
      return keep("there is a border already");
    const auto weights_scale = for_weights(channels_.scale);
    const auto weights_shift = for_weights(channels_.shift);
    if (!weights_scale || !weights_shift)
      return keep(has_pixels() ? "they differ from pixel to pixel, the weights of a convolution do not"
                               : "groups of channels share weights and differ in these");

    const bool measured = preprocess_.is<NormalizeImage>();
    const bool has_like_gains = !measured || (channels_.has_like_gains() && !weights_whiten());
    const bool folds_shift = has_like_gains && channels_.may_fold_shift(preprocess_.operand(0).type.dtype);
    if (!folds_shift && (all_equal(channels_.scale, 1) || measured))
      return keep("folded, the subtraction would cost accuracy");
    note(fmt::format("{} went into the weights of {}{}",
                     folds_shift && !all_equal(channels_.shift, 0) ? "scale and subtraction" : "the scale",
                     name_for_people(*layer_),
                     folds_shift ? "" : "; the subtraction stays: folded, it would cost accuracy"));
    const bool moves_padding = folds_shift && is_padded() && !all_equal(channels_.shift, 0);
    Value& unscaled_weights = layer_->operand(1);
    if (folds_shift && !all_equal(channels_.shift, 0)) fold_shift(unscaled_weights, *weights_shift);
    rebuild(fold_scale(unscaled_weights, *weights_scale), folds_shift, moves_padding);
    return true;
  }

private:
  using Padding = std::array<int64_t, 4>;

  static Channels channels_of(const Function& function, const Node& node, const Preprocess::Attributes& attributes) {
    const int64_t channels = node.result().type.dims[1];
    if (node.is<Preprocess>()) return Channels(attributes, channels);
    const auto center = known_values(function, node.operand(1)), factor = known_values(function, node.operand(2));
    const bool is_rotated = node.operands().size() == 4;
    if (center.empty() || factor.empty() || is_rotated) return Channels({}, {}, 0);
    return Channels(center, factor, static_cast<int64_t>(std::max(center.size(), factor.size())));
  }

  bool has_pixels() const { return static_cast<int64_t>(channels_.scale.size()) != preprocess_.result().type.dims[1]; }

  // Whether the layer's weights hold a rotation, as fold_rotation leaves it or themselves, that amplifies.
  bool weights_whiten() const {
    const Value* rotation = &layer_->operand(1);
    while (rotation->producer != nullptr) {
      const Node& node = *rotation->producer;
      if (!node.is<Reshape>() && !node.is<Conv2dBackwardData>() && !node.is<DenseBackwardData>()) return false;
      rotation = &node.operand(0);
    }
    const State& state = function_.module().state_of(*rotation);
    if (state.role != StateRole::statistic) return false;
    return state.data.empty() || !is_orthonormal(state.data, rotation->type.dims[0]);
  }

  // The convolution that is the pre-processing's only user, or the dense layer that is, behind a reshape which flattens
  // samples; with nothing fused into it.
  bool find_layer() {
    Node* user = only_user(function_, preprocess_.result());
    if (user != nullptr && user->is<Reshape>()) {
      const Dims& flat = user->result().type.dims;
      if (flat.size() != 2 || flat[0] != preprocess_.result().type.dims[0]) return false;
      reshape_ = user;
      user = only_user(function_, user->result());
      if (user != nullptr && !user->is<Dense>()) return false;
    }
    if (user == nullptr) return false;
    const Value& source = reshape_ == nullptr ? preprocess_.result() : reshape_->result();
    if (&user->operand(0) != &source) return false;
    if (user->is<Conv2d>() ? !user->attributes<Conv2d>().epilogue.empty()
                           : !user->is<Dense>() || !user->attributes<Dense>().epilogue.empty())
      return false;
    layer_ = user;
    return true;
  }

  bool is_padded() const { return layer_->is<Conv2d>() && layer_->attributes<Conv2d>().pad != Padding{}; }

  // Values an input channel of the weights, which in a convolution of groups stands for a channel of every group.
  std::optional<ChannelValues> for_weights(const ChannelValues& values) const {
    if (!layer_->is<Conv2d>()) return values;
    if (has_pixels()) return std::nullopt;
    const auto count = static_cast<size_t>(layer_->operand(1).type.dims[1]);
    for (size_t c = count; c < values.size(); ++c)
      if (values[c] != values[c % count]) return std::nullopt;
    return ChannelValues(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
  }

  Value& fold_scale(Value& weights, const ChannelValues& scale) {
    if (all_equal(scale, 1)) return weights;
    Node& scaled = function_.create(info<FoldScale>(), Attributes::of(FoldScale::Attributes{scale}), {&weights},
                                    weights.name + ".scaled", layer_);
    scaled.layer = layer_->layer;
    return scaled.result();
  }

  // Into the bias behind the layer, or a new one.
  void fold_shift(Value& weights, const ChannelValues& shift) {
    Node* bias = only_user(function_, layer_->result());
    const bool has_bias = bias != nullptr && bias->is<Bias>() && &bias->operand(0) == &layer_->result();
    std::vector<Value*> operands = {&weights};
    if (has_bias) operands.push_back(&bias->operand(1));
    const std::string stem = has_bias ? bias->operand(1).name : layer_->result().name + ".bias";
    Node* next = has_bias ? bias : node_after(*layer_);
    Node& shifted = function_.create(info<FoldShift>(), Attributes::of(FoldShift::Attributes{shift}),
                                     std::move(operands), stem + ".shifted", next);
    shifted.layer = layer_->layer;
    if (has_bias) {
      bias->set_operand(1, shifted.result());
      return;
    }
    // Made on a value of the same type, since its operand must not be among the uses it replaces.
    Node& made = function_.create(info<Bias>(), Attributes{}, {&layer_->result(), &shifted.result()},
                                  layer_->result().name + ".biased", next);
    made.layer = layer_->layer;
    function_.replace_all_uses(layer_->result(), made.result());
    made.set_operand(0, layer_->result());
  }

  Node* node_after(const Node& node) const {
    auto& nodes = function_.nodes();
    auto found = std::find_if(nodes.begin(), nodes.end(), [&](const auto& n) { return n.get() == &node; });
    return ++found == nodes.end() ? nullptr : found->get();
  }

  // Pre-processing, reshape and layer anew, since padding changes their types.
  void rebuild(Value& weights, bool folds_shift, bool moves_padding) {
    Preprocess::Attributes attributes;
    attributes.pad = attributes_.pad;
    ChannelValues border = channels_.border;
    ChannelValues shift(channels_.shift.size(), 0);
    for (size_t c = 0; c < shift.size() && !folds_shift; ++c) {
      shift[c] = channels_.shift[c] / channels_.scale[c];
      border[c] += shift[c];
    }
    if (moves_padding) {
      const Padding& pad = layer_->attributes<Conv2d>().pad;
      for (size_t side = 0; side < pad.size(); ++side) attributes.pad[side] += pad[side];
    }
    attributes.shift = shortest(shift);
    if (attributes.pad != Padding{}) attributes.pad_value = shortest(border);

    Value* source = &replace(preprocess_, info<Preprocess>(), Attributes::of(attributes), {&preprocess_.operand(0)});
    if (reshape_ != nullptr) source = &replace(*reshape_, info<Reshape>(), reshape_->raw_attributes(), {source});
    Attributes layer = layer_->raw_attributes();
    if (moves_padding) layer.as<Conv2d::Attributes>().pad = {};
    replace(*layer_, layer_->op(), std::move(layer), {source, &weights});
    function_.erase(*layer_);
    if (reshape_ != nullptr) function_.erase(*reshape_);
    function_.erase(preprocess_);
  }

  Value& replace(Node& node, const OpInfo& op, Attributes attributes, std::vector<Value*> operands) {
    Node& made = function_.create(op, std::move(attributes), std::move(operands), "", &node);
    made.layer = node.layer;
    function_.replace_all_uses(node.result(), made.result());
    std::swap(made.result().name, node.result().name);
    return made.result();
  }

  void note(const std::string& text) const {
    if (options_.note) options_.note(function_, fmt::format("{}: {}", preprocess_.result().name, text));
  }
  bool keep(std::string_view why) const {
    note(fmt::format("scale and subtraction stay: {}", why));
    return false;
  }

  Function& function_;
  Node& preprocess_;
  const PassOptions& options_;
  const Preprocess::Attributes attributes_;
  const Channels channels_;
  Node* reshape_ = nullptr;
  Node* layer_ = nullptr;
};

} // namespace

bool fold_preprocess(Module& module, const PassOptions& options) {
  bool changed = false;
  for (const auto& function : module.functions()) {
    if (kind_of(*function) != FunctionKind::predict) continue;
    std::vector<Node*> candidates;
    for (const auto& node : function->nodes())
      if (node->is<Preprocess>() || node->is<NormalizeImage>()) candidates.push_back(node.get());
    for (Node* node : candidates) changed |= PreprocessFolding(*function, *node, options).run();
  }
  return changed;
}

} // namespace kiln::passes
