// The head of a network: joins what is still unused, and grows losses, metrics and outputs.
#include "ir/all_ops.h"
#include "tests/support/grow_layers.h"
#include "tests/support/growth.h"

#include <algorithm>
#include <fmt/format.h>

namespace kiln::test {

namespace {

using ir::Value;

// A global average leaves a row.
Value& as_row(Growth& net, Value& value) {
  if (value.type.rank() == 2) return value;
  const int64_t values = channels(value) * pixels(value);
  Value* row = &value;
  net.layer("row");
  if (values > 200) {
    ir::AveragePool::Attributes attributes;
    attributes.kernel = {value.type.dims[2], value.type.dims[3]};
    row = &net.node<ir::AveragePool>(attributes, {&value}, "mean").result();
  }
  return net.node<ir::Reshape>({{value.type.dims[0], channels(*row) * pixels(*row)}}, {row}).result();
}

// What no layer uses, behind each other; some of it becomes an output alone, which no gradient reaches.
Value& joined(Growth& net) {
  std::vector<Value*> rows;
  const std::vector<Value*> loose = net.unused();
  for (Value* value : loose) {
    if (value != loose.back() && net.choose.chance(0.2))
      net.output("loose." + value->name, *value);
    else
      rows.push_back(&as_row(net, *value));
  }
  if (rows.size() == 1) return *rows[0];
  net.layer("join");
  return net.node<ir::Concat>({}, rows).result();
}

template <class Loss>
Value& compared(Growth& net, Value& prediction, Value& wanted, typename Loss::Attributes attributes = {}) {
  return net.node<Loss>(attributes, {&prediction, &wanted}, "losses").result();
}

Value& target(Growth& net, const Value& prediction, std::string_view name) {
  return net.input(fmt::format("target{}", name), prediction.type);
}

// A value a sample, and what it is divided by if samples do not count alike.
struct Losses {
  Value* values;
  Value* weight = nullptr;
};

// With labels or distributions, class weights, smoothing, a label that is ignored; on rows or on images.
Losses cross_entropy(Growth& net, Value& logits, Value* label, ir::IgnoredLabel ignored, std::string_view name) {
  ir::SoftmaxCrossEntropy::Attributes attributes{.label_smoothing = net.choose.one_of({0.0, 0.0, 0.125})};
  if (label == nullptr) return {&compared<ir::SoftmaxCrossEntropy>(net, logits, target(net, logits, name), attributes)};
  attributes.ignored = ignored;
  std::vector<Value*> operands = {&logits, label};
  if (net.choose.chance(0.3))
    operands.push_back(&net.state("class_weight", {channels(logits)}, {ir::InitializerKind::uniform, 0.25, 2},
                                  ir::StateRole::statistic));
  Losses made{&net.node<ir::SoftmaxCrossEntropy>(attributes, operands, "losses").result()};
  if (!ignored.exists && operands.size() == 2) return made;
  operands.erase(operands.begin());
  made.weight = &net.node<ir::LabelWeight>({ignored}, operands, "weight").result();
  return made;
}

Losses labelled_losses(Growth& net, Value& logits, std::string_view name) {
  ir::Dims dims = logits.type.dims;
  dims.erase(dims.begin() + 1);
  Value& label = net.input(fmt::format("label{}", name), {ir::DType::i32, dims, {}});
  ir::IgnoredLabel ignored;
  if (net.choose.chance(0.25)) ignored = {true, net.choose.one_of<int64_t>({-1, 0, 1})};
  net.output(
      fmt::format("correct{}", name),
      net.node<ir::TopK>({.k = net.choose.one_of<int64_t>({1, 1, 2, 5}), .ignored = ignored}, {&logits, &label}, "top")
          .result());
  if (net.choose.chance(0.25))
    net.output(fmt::format("predicted{}", name), net.node<ir::Argmax>({}, {&logits}, "predicted").result());
  if (logits.type.rank() > 2 || net.choose.chance(0.6)) return cross_entropy(net, logits, &label, ignored, name);
  if (net.choose.chance(0.3)) {
    Value& logarithm = net.node<ir::LogSoftmax>({}, {&logits}, "logarithm").result();
    Value& picked = net.node<ir::PickClass>({}, {&logarithm, &label}, "picked").result();
    return {&net.node<ir::Negate>({}, {&picked}, "losses").result()};
  }
  return {&compared<ir::MultiClassHinge>(
      net, logits, label, {net.choose.one_of({0.5, 1.0}), net.choose.one_of({ir::HingeNorm::l1, ir::HingeNorm::l2})})};
}

Losses losses(Growth& net, Value& scores, std::string_view name) {
  if (channels(scores) >= 2 && net.choose.chance(0.6)) return labelled_losses(net, scores, name);
  if (net.choose.chance(0.2)) return cross_entropy(net, scores, nullptr, {}, name);
  Value& wanted = target(net, scores, name);
  switch (net.choose.below(4)) {
  case 0:
    return {&compared<ir::MeanSquaredError>(net, scores, wanted)};
  case 1:
    return {&compared<ir::L1>(net, scores, wanted)};
  case 2:
    return {&compared<ir::Huber>(net, scores, wanted, {net.choose.one_of({0.25, 1.0})})};
  default:
    return {&compared<ir::SigmoidCrossEntropy>(net, scores, wanted, {net.choose.one_of({1.0, 2.5})})};
  }
}

// Some units on a row, so that a loss has few classes and a parameter before it.
Value& scores(Growth& net, Value& row) {
  net.layer("scores");
  const int64_t classes = net.choose.one_of<int64_t>({1, 2, 3, 10, 17});
  Value& dense =
      net.node<ir::Dense>({}, {&row, &net.weights({classes, channels(row)}, channels(row))}, "dense").result();
  return net.node<ir::Bias>({}, {&dense, &net.parameter("bias", {classes}, -0.5, 0.5)}).result();
}

} // namespace

void grow_head(Growth& net) {
  std::vector<Value*> heads = {&scores(net, joined(net))};
  // Auxiliary ones from somewhere inside: on a row of its own, or on the channels of each pixel.
  if (net.choose.chance(0.2)) heads.push_back(&scores(net, as_row(net, net.any())));
  if (Value* image = net.choose.chance(0.2) ? net.image() : nullptr) heads.push_back(image);
  std::vector<Value*> means;
  for (size_t i = 0; i < heads.size(); ++i) {
    const std::string name = i == 0 ? "" : fmt::format("{}", i);
    if (net.kind == passes::FunctionKind::predict) {
      net.layer("probability");
      net.output("probability" + name, net.node<ir::Softmax>({}, {heads[i]}).result());
      net.output("scores" + name, *heads[i]);
      continue;
    }
    net.layer("loss");
    const Losses samples = losses(net, *heads[i], name);
    if (net.kind == passes::FunctionKind::evaluate) {
      net.output("loss" + name, *samples.values);
      if (samples.weight != nullptr) net.output("loss_weight" + name, *samples.weight);
    } else if (samples.weight != nullptr) {
      means.push_back(&net.node<ir::WeightedMean>({}, {samples.values, samples.weight}).result());
    } else {
      means.push_back(&net.node<ir::ReduceMean>({}, {samples.values}).result());
    }
  }
  if (means.empty()) return;
  if (means.size() > 1 || net.choose.chance(0.2)) {
    net.layer("total");
    ir::WeightedSum::Attributes sum{{}};
    for (size_t i = 0; i < means.size(); ++i) sum.weight.push_back(net.choose.one_of({0.25, 1.0, 1.5}));
    means = {&net.node<ir::WeightedSum>(std::move(sum), means).result()};
  }
  net.output("loss", *means[0]);
}

} // namespace kiln::test
