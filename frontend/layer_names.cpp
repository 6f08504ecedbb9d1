// What layers are called: the kind as the schema spells it, and the names that are derived when none are given.
// Switches have no default: a new kind of layer fails to compile until it has a short name here.
#include "frontend/layer_names.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace kiln::frontend {
namespace {

std::string_view short_name(proto::Layer::KindCase kind) {
  switch (kind) {
  case proto::Layer::kConvolution:
    return "conv";
  case proto::Layer::kTransposedConvolution:
    return "deconv";
  case proto::Layer::kDepthwiseConvolution:
    return "depthwise";
  case proto::Layer::kDense:
    return "fc";
  case proto::Layer::kMaxPool:
  case proto::Layer::kAveragePool:
  case proto::Layer::kGlobalAveragePool:
  case proto::Layer::kGlobalMaxPool:
    return "pool";
  case proto::Layer::kRelu:
    return "relu";
  case proto::Layer::kLeakyRelu:
    return "leaky_relu";
  case proto::Layer::kElu:
    return "elu";
  case proto::Layer::kSigmoid:
    return "sigmoid";
  case proto::Layer::kTanh:
    return "tanh";
  case proto::Layer::kSoftmax:
    return "softmax";
  case proto::Layer::kClip:
    return "clip";
  case proto::Layer::kRelu6:
    return "relu6";
  case proto::Layer::kSelu:
    return "selu";
  case proto::Layer::kGelu:
    return "gelu";
  case proto::Layer::kSilu:
    return "silu";
  case proto::Layer::kHardSwish:
    return "hard_swish";
  case proto::Layer::kHardSigmoid:
    return "hard_sigmoid";
  case proto::Layer::kSoftplus:
    return "softplus";
  case proto::Layer::kPrelu:
    return "prelu";
  case proto::Layer::kRrelu:
    return "rrelu";
  case proto::Layer::kLogSoftmax:
    return "log_softmax";
  case proto::Layer::kBatchNorm:
    return "bn";
  case proto::Layer::kLrn:
    return "lrn";
  case proto::Layer::kDropout:
    return "dropout";
  case proto::Layer::kAdd:
    return "add";
  case proto::Layer::kFlatten:
    return "flatten";
  case proto::Layer::kReshape:
    return "reshape";
  case proto::Layer::kConcat:
    return "concat";
  case proto::Layer::kScale:
    return "scale";
  case proto::Layer::kMultiply:
    return "multiply";
  case proto::Layer::kSubtract:
    return "subtract";
  case proto::Layer::kMaximum:
    return "maximum";
  case proto::Layer::kMinimum:
    return "minimum";
  case proto::Layer::kDivide:
    return "divide";
  case proto::Layer::kSlice:
    return "slice";
  case proto::Layer::kPad:
    return "pad";
  case proto::Layer::kCrop:
    return "crop";
  case proto::Layer::kTranspose:
    return "transpose";
  case proto::Layer::kReduceMean:
    return "reduce_mean";
  case proto::Layer::kReduceSum:
    return "reduce_sum";
  case proto::Layer::kResize:
    return "resize";
  case proto::Layer::kSoftmaxCrossEntropy:
  case proto::Layer::kMultiClassHinge:
  case proto::Layer::kSigmoidCrossEntropy:
  case proto::Layer::kMeanSquaredError:
  case proto::Layer::kL1:
  case proto::Layer::kHuber:
    return "loss";
  case proto::Layer::KIND_NOT_SET:
    return "layer";
  }
  return "layer";
}

} // namespace

bool is_good_name(const std::string& name) {
  constexpr size_t longest = 200;
  return !name.empty() && name.size() <= longest && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_-./").find(c) != std::string_view::npos;
  });
}

std::string kind_name(const proto::Layer& layer) {
  if (layer.kind_case() == proto::Layer::KIND_NOT_SET) return {};
  return proto::Layer::descriptor()->FindFieldByNumber(layer.kind_case())->name();
}

bool is_loss(const proto::Layer& layer) {
  constexpr int first = 140, last = 159; // the family in the schema
  return layer.kind_case() >= first && layer.kind_case() <= last;
}

bool holds_parameters(const proto::Layer& layer) {
  switch (layer.kind_case()) {
  case proto::Layer::kConvolution:
  case proto::Layer::kTransposedConvolution:
  case proto::Layer::kDepthwiseConvolution:
  case proto::Layer::kDense:
  case proto::Layer::kPrelu:
  case proto::Layer::kBatchNorm:
  case proto::Layer::kScale:
    return true;
  case proto::Layer::kMaxPool:
  case proto::Layer::kAveragePool:
  case proto::Layer::kGlobalAveragePool:
  case proto::Layer::kGlobalMaxPool:
  case proto::Layer::kLrn:
  case proto::Layer::kResize:
  case proto::Layer::kRelu:
  case proto::Layer::kLeakyRelu:
  case proto::Layer::kElu:
  case proto::Layer::kSigmoid:
  case proto::Layer::kTanh:
  case proto::Layer::kSoftmax:
  case proto::Layer::kClip:
  case proto::Layer::kRelu6:
  case proto::Layer::kSelu:
  case proto::Layer::kGelu:
  case proto::Layer::kSilu:
  case proto::Layer::kHardSwish:
  case proto::Layer::kHardSigmoid:
  case proto::Layer::kSoftplus:
  case proto::Layer::kRrelu:
  case proto::Layer::kLogSoftmax:
  case proto::Layer::kDropout:
  case proto::Layer::kAdd:
  case proto::Layer::kFlatten:
  case proto::Layer::kReshape:
  case proto::Layer::kConcat:
  case proto::Layer::kMultiply:
  case proto::Layer::kSubtract:
  case proto::Layer::kMaximum:
  case proto::Layer::kMinimum:
  case proto::Layer::kDivide:
  case proto::Layer::kSlice:
  case proto::Layer::kPad:
  case proto::Layer::kCrop:
  case proto::Layer::kTranspose:
  case proto::Layer::kReduceMean:
  case proto::Layer::kReduceSum:
  case proto::Layer::kSoftmaxCrossEntropy:
  case proto::Layer::kMultiClassHinge:
  case proto::Layer::kSigmoidCrossEntropy:
  case proto::Layer::kMeanSquaredError:
  case proto::Layer::kL1:
  case proto::Layer::kHuber:
  case proto::Layer::KIND_NOT_SET:
    return false;
  }
  return false;
}

int parts_of(const proto::Layer& layer) {
  return layer.has_slice() && layer.slice().at_size() > 0 ? layer.slice().at_size() + 1 : 0;
}

std::string part_name(const proto::Layer& layer, int part) { return fmt::format("{}.{}", layer.name(), part + 1); }

InputsWanted inputs_wanted(const proto::Layer& layer) {
  if (layer.has_concat() || layer.has_add() || layer.has_multiply()) return {2, true};
  if (layer.has_maximum() || layer.has_minimum()) return {2, true};
  if (layer.has_subtract() || layer.has_divide()) return {2, false};
  if (layer.has_crop() && layer.crop().size().empty()) return {2, false};
  if (is_loss(layer) && !layer.has_multi_class_hinge()) return {1, false, true};
  return {1, false};
}

std::string LayerNamer::next(const proto::Layer& layer) {
  const std::string_view stem = short_name(layer.kind_case());
  std::string derived = next(stem);
  if (layer.has_name()) return layer.name();
  const bool is_only_loss = is_loss(layer) && numbers_.find(stem)->second == 1;
  return is_only_loss ? std::string(stem) : derived;
}

std::string LayerNamer::next(std::string_view stem) {
  const int number = ++numbers_[std::string(stem)];
  return fmt::format("{}{}", stem, number);
}

std::vector<std::string> layer_names(const proto::Network& network) {
  LayerNamer namer;
  std::vector<std::string> names;
  for (const proto::Layer& layer : network.layer()) names.push_back(namer.next(layer));
  return names;
}

} // namespace kiln::frontend
