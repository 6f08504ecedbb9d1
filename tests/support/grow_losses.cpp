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
Value& classified(Growth& net, Value& logits, Value& label, typename Loss::Attributes attributes = {}) {
  return net.node<Loss>(attributes, {&logits, &label}, "losses").result();
}

Value& target(Growth& net, const Value& prediction, std::string_view name) {
  return net.input(fmt::format("target{}", name), prediction.type);
}

// A value a sample.
Value& losses(Growth& net, Value& row, std::string_view name) {
  const int64_t classes = channels(row);
  const bool labelled = classes >= 2 && net.choose.chance(0.6);
  if (labelled) {
    Value& label = net.input(fmt::format("label{}", name), {ir::DType::i32, {row.type.dims[0]}, {}});
    net.output(fmt::format("correct{}", name), net.node<ir::TopK>({}, {&row, &label}, "correct").result());
    if (net.choose.chance(0.6)) return classified<ir::SoftmaxCrossEntropy>(net, row, label);
    if (net.choose.chance(0.3)) {
      Value& logarithm = net.node<ir::LogSoftmax>({}, {&row}, "logarithm").result();
      Value& picked = net.node<ir::PickClass>({}, {&logarithm, &label}, "picked").result();
      return net.node<ir::Negate>({}, {&picked}, "losses").result();
    }
    return classified<ir::MultiClassHinge>(
        net, row, label, {net.choose.one_of({0.5, 1.0}), net.choose.one_of({ir::HingeNorm::l1, ir::HingeNorm::l2})});
  }
  Value& wanted = target(net, row, name);
  switch (net.choose.below(4)) {
  case 0:
    return classified<ir::MeanSquaredError>(net, row, wanted);
  case 1:
    return classified<ir::L1>(net, row, wanted);
  case 2:
    return classified<ir::Huber>(net, row, wanted, {net.choose.one_of({0.25, 1.0})});
  default:
    return classified<ir::SigmoidCrossEntropy>(net, row, wanted);
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
  // An auxiliary one from somewhere inside.
  if (net.choose.chance(0.2)) heads.push_back(&scores(net, as_row(net, net.any())));
  Value* total = nullptr;
  for (size_t i = 0; i < heads.size(); ++i) {
    const std::string name = i == 0 ? "" : fmt::format("{}", i);
    if (net.kind == passes::FunctionKind::predict) {
      net.layer("probability");
      net.output("probability" + name, net.node<ir::Softmax>({}, {heads[i]}).result());
      net.output("scores" + name, *heads[i]);
      continue;
    }
    net.layer("loss");
    Value& samples = losses(net, *heads[i], name);
    if (net.kind == passes::FunctionKind::evaluate) {
      net.output("loss" + name, samples);
      continue;
    }
    Value& mean = net.node<ir::ReduceMean>({}, {&samples}).result();
    total = total == nullptr ? &mean : &net.node<ir::Add>({}, {total, &mean}, "sum").result();
  }
  if (total != nullptr) net.output("loss", *total);
}

} // namespace kiln::test
