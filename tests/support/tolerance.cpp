// Error bounds of single ops, from their own reference evaluations.
#include "tests/support/tolerance.h"

#include "ir/all_ops.h"
#include "ir/op.h"
#include "ir/op_code.h"
#include "ir/ops/epilogue_formula.h"
#include "ir/ops/per_channel.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

namespace kiln::test {

namespace {

using ir::OpCode;
using ir::Tensor;

bool is_activation(const ir::EpilogueStep& step) {
  return step.kind != ir::EpilogueKind::add && step.kind != ir::EpilogueKind::bias &&
         step.kind != ir::EpilogueKind::scale;
}

// Coefficients in place of an op's: absolute ones, or ones. Activations fused into an op are left out, since none of
// them enlarges an error: what remains is the sum.
class ReplaceCoefficients final : public ir::FieldVisitor {
public:
  explicit ReplaceCoefficients(bool ones) : ones_(ones) {}
  void operator()(std::string_view, bool&) override {}
  void operator()(std::string_view, int64_t&) override {}
  void operator()(std::string_view, double&) override {}
  void operator()(std::string_view, ir::StreamId&) override {}
  void operator()(std::string_view, std::span<int64_t>) override {}
  void operator()(std::string_view, ir::Dims&) override {}
  void operator()(std::string_view, std::vector<double>& values) override {
    for (double& value : values) value = ones_ ? 1 : std::abs(value);
  }
  void operator()(std::string_view, ir::Epilogue& value) override { std::erase_if(value, is_activation); }
  void enumeration(std::string_view, std::span<const std::string_view>, int&) override {}

private:
  bool ones_;
};

Tensor mapped(Tensor tensor, const std::function<double(double)>& map) {
  for (double& value : tensor.data) value = map(value);
  return tensor;
}

double largest(const Tensor& tensor) {
  double result = 0;
  for (double value : tensor.data) result = std::max(result, std::abs(value));
  return result;
}

bool is_update(const ir::Node& node) {
  switch (node.op().code) {
  case OpCode::sgd_update:
  case OpCode::adagrad_update:
  case OpCode::rmsprop_update:
  case OpCode::adadelta_update:
  case OpCode::adam_update:
    return true;
  default:
    return false;
  }
}

bool is_mean_loss(const ir::Node& node) {
  switch (node.op().code) {
  case OpCode::mean_squared_error:
  case OpCode::mean_squared_error_backward:
  case OpCode::l1:
  case OpCode::l1_backward:
  case OpCode::huber:
  case OpCode::huber_backward:
  case OpCode::sigmoid_cross_entropy:
  case OpCode::sigmoid_cross_entropy_backward:
    return true;
  default:
    return false;
  }
}

// A sigmoid cross-entropy whose classes count by pos_weight, w: it adds w t (log1p(exp(-|x|)) + max(-x, 0)) and (1 - t)
// (log1p(exp(-|x|)) + max(x, 0)), its gradient sigmoid(x) (w t + 1 - t) and -w t. No sign of an operand makes all of
// that positive, so it is added up here.
std::optional<Tensor> weighted_sigmoid_magnitude(const ir::Node& node, const std::vector<Tensor>& operands) {
  const bool backward = node.is<ir::SigmoidCrossEntropyBackward>();
  if (!backward && !node.is<ir::SigmoidCrossEntropy>()) return std::nullopt;
  const double weight = backward ? node.attributes<ir::SigmoidCrossEntropyBackward>().pos_weight
                                 : node.attributes<ir::SigmoidCrossEntropy>().pos_weight;
  if (weight == 1) return std::nullopt;
  const Tensor& logits = operands[0];
  const int64_t values = logits.elements() / logits.dims[0];
  Tensor magnitude(node.result().type.dims);
  for (int64_t i = 0; i < logits.elements(); ++i) {
    const double x = logits[i], yes = weight * std::abs(operands[1][i]), no = 1 + std::abs(operands[1][i]);
    const double rest = std::log1p(std::exp(-std::abs(x)));
    if (backward)
      magnitude[i] =
          ((yes + no) / (1 + std::exp(-x)) + yes) * std::abs(operands[2][i / values]) / static_cast<double>(values);
    else
      magnitude[i / values] +=
          (yes * (rest + std::max(-x, 0.0)) + no * (rest + std::max(x, 0.0))) / static_cast<double>(values);
  }
  return magnitude;
}

std::vector<Tensor> with_coefficients(const ir::Node& node, std::vector<Tensor> operands, bool ones, uint64_t seed,
                                      uint64_t step) {
  for (size_t i = 0; i < operands.size(); ++i) {
    if (node.is<ir::MaxPoolBackward>() && i == 0) continue; // says which windows meet, and is added to nothing
    operands[i] = mapped(operands[i], [&](double x) { return ones ? 1 : std::abs(x); });
  }
  // The step is subtracted: against a negative rate it adds.
  if (is_update(node)) operands.back() = mapped(operands.back(), [](double x) { return -x; });
  // So are what a difference takes away, and what is wanted from what was predicted.
  if (is_mean_loss(node) || node.is<ir::Subtract>() || node.is<ir::NormalizeImage>())
    operands[1] = mapped(operands[1], [](double x) { return -x; });
  // Only negative elements add to it; a gradient that is negative too makes what they add positive.
  if (node.is<ir::PreluBackwardSlope>())
    for (Tensor& operand : operands) operand = mapped(operand, [](double x) { return -x; });
  // The mean is subtracted.
  if (node.is<ir::FoldNormBias>()) operands[0] = mapped(operands[0], [](double x) { return -x; });
  ir::Attributes attributes = node.raw_attributes();
  ReplaceCoefficients replace(ones);
  attributes.visit(replace);
  return evaluate_node(node, attributes, std::move(operands), seed, step);
}

bool has_activation(const ir::Node& node) {
  const auto any = [](const ir::Epilogue& epilogue) {
    return std::any_of(epilogue.begin(), epilogue.end(), is_activation);
  };
  if (node.is<ir::Conv2d>()) return any(node.attributes<ir::Conv2d>().epilogue);
  if (node.is<ir::ConvTranspose2d>()) return any(node.attributes<ir::ConvTranspose2d>().epilogue);
  return node.is<ir::Dense>() && any(node.attributes<ir::Dense>().epilogue);
}

bool is_exact(const ir::Node& node) {
  switch (node.op().code) {
  case OpCode::max_pool:
  case OpCode::pick_class:
  case OpCode::pick_class_backward:
  case OpCode::top_k:
  case OpCode::argmax:
  case OpCode::constant:
  case OpCode::reshape:
  case OpCode::concat:
  case OpCode::slice:
  case OpCode::slice_backward:
  case OpCode::pad:
  case OpCode::transpose:
  case OpCode::convert_layout:
  case OpCode::negate:
  case OpCode::abs:
  case OpCode::abs_backward:
  case OpCode::maximum:
  case OpCode::maximum_backward:
  case OpCode::minimum:
  case OpCode::minimum_backward:
  case OpCode::expand:
    return true;
  default:
    return false;
  }
}

// Ops whose operands enter through differences and exponentials: bounds of a row, by formula.
bool is_softmax(const ir::Node& node) {
  return node.is<ir::Softmax>() || node.is<ir::SoftmaxBackward>() || node.is<ir::SoftmaxCrossEntropy>() ||
         node.is<ir::SoftmaxCrossEntropyBackward>() || node.is<ir::LogSoftmax>() || node.is<ir::LogSoftmaxBackward>() ||
         node.is<ir::MultiClassHinge>() || node.is<ir::MultiClassHingeBackward>();
}

// All other classes may miss the largest distance and the margin.
double hinge_magnitude(const ir::Node& node, const std::vector<Tensor>& operands, int64_t row) {
  const Tensor& logits = operands[0];
  const auto classes = static_cast<double>(logits.dims[1]);
  if (node.is<ir::MultiClassHinge>()) {
    const auto& attributes = node.attributes<ir::MultiClassHinge>();
    const double missing = attributes.margin + 2 * largest(logits);
    return classes * (attributes.norm == ir::HingeNorm::l2 ? missing * missing : missing);
  }
  const auto& attributes = node.attributes<ir::MultiClassHingeBackward>();
  const double missing = attributes.margin + 2 * largest(logits);
  return classes * (attributes.norm == ir::HingeNorm::l2 ? 2 * missing : 1) * std::abs(operands[2][row]);
}

int64_t axis_of(const ir::Node& node) {
  if (node.is<ir::Softmax>()) return node.attributes<ir::Softmax>().axis;
  if (node.is<ir::SoftmaxBackward>()) return node.attributes<ir::SoftmaxBackward>().axis;
  if (node.is<ir::LogSoftmax>()) return node.attributes<ir::LogSoftmax>().axis;
  if (node.is<ir::LogSoftmaxBackward>()) return node.attributes<ir::LogSoftmaxBackward>().axis;
  return 1;
}

// sum of value(element) over the line along the axis on which an element lies.
template <class Value> double sum_of_line(const ir::AxisView& view, int64_t element, Value value) {
  const int64_t o = element / (view.size * view.inner), in = element % view.inner;
  double sum = 0;
  for (int64_t c = 0; c < view.size; ++c) sum += value(view.at(o, c, in));
  return sum;
}

// The most that the classes of a position can be wanted together.
double wanted_magnitude(const std::vector<Tensor>& operands, size_t class_weight) {
  const Tensor& logits = operands[0];
  const bool distribution = operands[1].dims.size() == logits.dims.size();
  return (operands.size() > class_weight ? largest(operands[class_weight]) : 1) *
         (distribution ? largest(operands[1]) * static_cast<double>(logits.dims[1]) : 1);
}

Tensor softmax_magnitude(const ir::Node& node, const std::vector<Tensor>& operands) {
  const Tensor& first = operands[0];
  const ir::AxisView view(first.dims, axis_of(node));
  const int64_t classes = view.size;
  Tensor magnitude(node.result().type.dims);
  // An exponent x - m carries the rounding of the difference into the exponential.
  const double exponent = 1 + 2 * largest(first);
  for (int64_t i = 0; i < magnitude.elements(); ++i) {
    const int64_t row = node.is<ir::MultiClassHinge>() ? i : i / classes;
    if (node.is<ir::MultiClassHinge>() || node.is<ir::MultiClassHingeBackward>()) {
      magnitude[i] = hinge_magnitude(node, operands, row);
    } else if (node.is<ir::LogSoftmaxBackward>()) {
      const double sum = sum_of_line(view, i, [&](int64_t e) { return std::abs(operands[1][e]); });
      magnitude[i] = std::abs(operands[1][i]) + std::exp(first[i]) * (1 + std::abs(first[i])) * sum;
    } else if (node.is<ir::SoftmaxBackward>()) {
      const double dot = sum_of_line(view, i, [&](int64_t e) { return std::abs(first[e] * operands[1][e]); });
      magnitude[i] = std::abs(first[i]) * (std::abs(operands[1][i]) + dot);
    } else if (node.is<ir::SoftmaxCrossEntropy>()) {
      const ir::ClassPositions shape(first.dims);
      magnitude[i] = wanted_magnitude(operands, 2) * (exponent + std::log(static_cast<double>(classes))) *
                     static_cast<double>(shape.positions);
    } else if (node.is<ir::SoftmaxCrossEntropyBackward>()) {
      const int64_t sample = i / (first.elements() / first.dims[0]);
      magnitude[i] = wanted_magnitude(operands, 3) * exponent * std::abs(operands[2][sample]);
    } else {
      magnitude[i] = exponent + (node.is<ir::Softmax>() ? 0 : std::log(static_cast<double>(classes)));
    }
  }
  return magnitude;
}

bool is_batch_norm(const ir::Node& node) {
  return node.is<ir::BatchNorm>() || node.is<ir::BatchNormBackward>() || node.is<ir::BatchNormInference>();
}

// Batch norm's sums are about the mean: of deviations, not of values. That is what a large mean must not blur, so the
// mean enters the variance by the square of its own rounding alone.
ErrorBound batch_norm_bound(const ir::Node& node, const std::vector<Tensor>& operands) {
  const Tensor& src = operands[0];
  const int64_t n = ir::values_per_channel(src.dims);
  const auto count = static_cast<double>(n);
  const bool backward = node.is<ir::BatchNormBackward>();
  const bool training = node.is<ir::BatchNorm>();
  const Tensor ones = mapped(Tensor({src.dims[1]}), [](double) { return 1; });
  Tensor mean(ones.dims), variance(ones.dims), spread(ones.dims), sum(ones.dims), product(ones.dims);
  if (training) {
    ir::for_each_in_channels(src.dims, [&](int64_t i, int64_t c) { mean[c] += src[i] / count; });
    ir::for_each_in_channels(src.dims, [&](int64_t i, int64_t c) {
      variance[c] += (src[i] - mean[c]) * (src[i] - mean[c]) / count;
      spread[c] = std::max(spread[c], std::abs(src[i] - mean[c]));
    });
  } else {
    mean = operands[1];
    variance = operands[2];
  }
  const double epsilon = backward   ? node.attributes<ir::BatchNormBackward>().epsilon
                         : training ? node.attributes<ir::BatchNorm>().epsilon
                                    : node.attributes<ir::BatchNormInference>().epsilon;
  const ir::Epilogue& epilogue = backward   ? node.attributes<ir::BatchNormBackward>().epilogue
                                 : training ? node.attributes<ir::BatchNorm>().epilogue
                                            : node.attributes<ir::BatchNormInference>().epilogue;
  const size_t scale_at = backward ? 4 : training ? 1 : 3;
  const size_t first_add = operands.size() - static_cast<size_t>(ir::operand_count(epilogue));
  const bool affine = first_add > scale_at;
  const auto factor = [&](int64_t c) {
    return (affine ? std::abs(operands[scale_at][c]) : 1) / std::sqrt(variance[c] + epsilon);
  };
  const auto x = [&](int64_t i, int64_t c) { return std::abs(src[i] - mean[c]) / std::sqrt(variance[c] + epsilon); };
  // Where an activation's operand lies within rounding of a kink, either decision is right: the whole gradient is free
  // there, in units of what ErrorBound::at multiplies by.
  const double free = 1 / (kRoundings * std::sqrt(count) * 0x1p-24);
  const auto gradient = [&](int64_t i, int64_t c) {
    const double all = std::abs(operands[3][i]);
    if (epilogue.empty()) return all;
    const double centred = (src[i] - mean[c]) * factor(c);
    const double sign = affine && operands[scale_at][c] < 0 ? -1 : 1;
    const double shift = affine ? operands[scale_at + 1][c] : 0;
    const double near = kRoundings * 0x1p-24 * (2 * std::abs(centred) + std::abs(shift));
    const double dst = sign * centred + shift;
    const bool tie = ir::epilogue_step_backward(epilogue[0], dst - near, 1.0) !=
                     ir::epilogue_step_backward(epilogue[0], dst + near, 1.0);
    return tie ? all * (1 + free) : all;
  };
  if (backward)
    ir::for_each_in_channels(src.dims, [&](int64_t i, int64_t c) {
      sum[c] += gradient(i, c);
      product[c] += gradient(i, c) * x(i, c);
    });
  Tensor first(src.dims);
  ir::for_each_in_channels(src.dims, [&](int64_t i, int64_t c) {
    const double centred = std::abs(src[i] - mean[c]);
    if (backward) {
      first[i] = factor(c) * (gradient(i, c) + sum[c] / count + x(i, c) * product[c] / count);
    } else {
      first[i] = factor(c) * (2 * centred + (training ? std::abs(mean[c]) + spread[c] : 0));
      if (affine) first[i] += std::abs(operands[scale_at + 1][c]);
      for (size_t add = first_add; add < operands.size(); ++add) first[i] += std::abs(operands[add][i]);
    }
  });
  ErrorBound bound;
  bound.magnitude = {std::move(first)};
  if (training) {
    Tensor means(ones.dims), variances(ones.dims);
    for (int64_t c = 0; c < means.elements(); ++c) {
      means[c] = std::abs(mean[c]) + spread[c];
      variances[c] = variance[c] + 0x1p-24 * means[c] * means[c];
    }
    bound.magnitude.insert(bound.magnitude.end(), {std::move(means), std::move(variances)});
  } else if (backward && affine) {
    bound.magnitude.insert(bound.magnitude.end(), {product, sum});
  }
  for (const Tensor& magnitude : bound.magnitude)
    bound.terms.push_back(mapped(magnitude, [&](double) { return node.is<ir::BatchNormInference>() ? 1 : count; }));
  return bound;
}

// Lrn's sums enter through a power, whose relative error grows with beta; its gradient is a difference of two terms.
ErrorBound lrn_bound(const ir::Node& node, const std::vector<Tensor>& operands) {
  const bool backward = node.is<ir::LrnBackward>();
  const ir::Lrn::Attributes& attributes = backward ? node.attributes<ir::LrnBackward>() : node.attributes<ir::Lrn>();
  const auto absolute = [](double x) { return std::abs(x); };
  const Tensor src = mapped(operands[0], absolute);
  Tensor damping(src.dims), magnitude(src.dims);
  // dsrc = ddst damping - rest, so that of absolute values 2 ddst damping - dsrc is the sum of the terms.
  const int64_t pixels = src.dims[2] * src.dims[3];
  for (int64_t e = 0; e < src.elements(); ++e) {
    const int64_t c = e / pixels % src.dims[1];
    double squares = 0;
    for (int64_t d = -std::min(attributes.below(), c); d <= std::min(attributes.above(), src.dims[1] - 1 - c); ++d)
      squares += src[e + d * pixels] * src[e + d * pixels];
    damping[e] = ir::Lrn::damping(attributes, ir::Lrn::scale(attributes, squares));
  }
  if (backward) {
    const Tensor ddst = mapped(operands[1], absolute);
    const Tensor difference = evaluate_node(node, node.raw_attributes(), {src, ddst}, 0, 0)[0];
    for (int64_t e = 0; e < src.elements(); ++e) magnitude[e] = 2 * ddst[e] * damping[e] - difference[e];
  } else {
    for (int64_t e = 0; e < src.elements(); ++e) magnitude[e] = src[e] * damping[e];
  }
  ErrorBound bound;
  const double terms = static_cast<double>(attributes.size) * (1 + attributes.beta) * (1 + attributes.beta);
  bound.terms = {mapped(magnitude, [&](double) { return terms; })};
  bound.magnitude = {std::move(magnitude)};
  return bound;
}

} // namespace

double ErrorBound::at(size_t tensor, int64_t element) const {
  const double most = magnitude[tensor][element];
  return most == 0 ? 0 : kRoundings * std::sqrt(terms[tensor][element]) * 0x1p-24 * most + 0x1p-126;
}

std::vector<Tensor> evaluate_node(const ir::Node& node, const ir::Attributes& attributes, std::vector<Tensor> operands,
                                  uint64_t seed, uint64_t step) {
  ir::EvaluationFrame frame;
  frame.seed = seed;
  frame.step = step;
  std::vector<Tensor> results;
  for (size_t i = 0; i < node.result_count(); ++i) results.emplace_back(node.result(i).type.dims);
  for (Tensor& operand : operands) {
    frame.operands.push_back(&operand);
    frame.writable.push_back(node.op().traits.effect ? &operand : nullptr);
  }
  for (Tensor& result : results) frame.results.push_back(&result);
  node.op().evaluate(attributes, frame);
  return node.op().traits.effect ? operands : results;
}

ErrorBound error_bound(const ir::Node& node, const std::vector<Tensor>& operands, uint64_t seed, uint64_t step) {
  if (is_batch_norm(node)) return batch_norm_bound(node, operands);
  if (node.is<ir::Lrn>() || node.is<ir::LrnBackward>()) return lrn_bound(node, operands);
  ErrorBound bound;
  if (is_softmax(node)) {
    bound.magnitude = {softmax_magnitude(node, operands)};
    // A loss adds up the positions of its sample too.
    const double terms = node.is<ir::SoftmaxCrossEntropy>()
                             ? static_cast<double>(operands[0].elements() / operands[0].dims[0])
                             : static_cast<double>(operands[0].dims[static_cast<size_t>(axis_of(node))]);
    bound.terms = {mapped(bound.magnitude[0], [&](double) { return terms; })};
    return bound;
  }
  bound.magnitude = with_coefficients(node, operands, false, seed, step);
  if (std::optional<Tensor> added = weighted_sigmoid_magnitude(node, operands)) bound.magnitude = {std::move(*added)};
  for (Tensor& tensor : bound.magnitude) tensor = mapped(tensor, [](double x) { return std::abs(x); });
  if (is_exact(node)) {
    for (Tensor& tensor : bound.magnitude) tensor = mapped(tensor, [](double) { return 0; });
    bound.terms = bound.magnitude;
    return bound;
  }
  bound.terms = with_coefficients(node, operands, true, seed, step);
  // Means divide their sums: their ones give 1.
  double least = 1;
  if (node.is<ir::ReduceMean>()) least = static_cast<double>(operands[0].elements() / node.result().type.elements());
  if (is_mean_loss(node)) least = static_cast<double>(operands[0].elements() / operands[0].dims[0]);
  if (node.is<ir::WeightedMean>() || node.is<ir::WeightedMeanBackward>() || node.is<ir::LabelWeight>())
    least = static_cast<double>(operands[0].elements());
  if (node.is<ir::AveragePool>())
    least = static_cast<double>(node.attributes<ir::AveragePool>().kernel[0] *
                                node.attributes<ir::AveragePool>().kernel[1]);
  for (Tensor& tensor : bound.terms) tensor = mapped(tensor, [&](double k) { return std::max(k, least); });
  // A fused activation rounds what it gives, which can be more than the sum: a sigmoid of 0 is 1/2.
  if (has_activation(node)) {
    const Tensor expected = evaluate_node(node, node.raw_attributes(), operands, seed, step)[0];
    for (int64_t i = 0; i < expected.elements(); ++i) bound.magnitude[0][i] += std::abs(expected[i]);
  }
  return bound;
}

} // namespace kiln::test
