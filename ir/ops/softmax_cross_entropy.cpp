// Softmax cross-entropy: the loss of a classifier, a value per sample, from logits and what is wanted of them; and its
// gradient. Both subtract the position's maximum first, so that no finite logits overflow.
#include "ir/ops/softmax_cross_entropy.h"

#include <algorithm>
#include <cmath>

namespace kiln::ir {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void expect_operands(std::string_view op, const SoftmaxCrossEntropy::Attributes& attributes, Operands operands,
                     size_t class_weight) {
  const Dims& logits = operands[0].dims;
  expect_logits(op, "logits", operands[0]);
  if (operands[1].dtype == DType::i32)
    expect_labels(op, operands[1], logits);
  else
    expect_type(op, "target", operands[1], DType::f32, logits);
  if (operands.size() > class_weight) expect_type(op, "class_weight", operands[class_weight], DType::f32, {logits[1]});
  if (!(attributes.label_smoothing >= 0 && attributes.label_smoothing < 1))
    refuse(op, "label_smoothing", "at least 0 and less than 1", fmt::to_string(attributes.label_smoothing));
  expect_ignored(op, attributes.ignored);
}

// One position: its logits' maximum, the sum of exp(logit - largest), and what is wanted of each class.
struct Position {
  std::vector<double> wanted;
  double wanted_sum = 0;
  double largest = -std::numeric_limits<double>::infinity();
  double sum = 0;
  bool valid = true;

  Position(const SoftmaxCrossEntropy::Attributes& attributes, const ClassPositions& shape, const Tensor& logits,
           const Tensor& target, const Tensor* class_weight, int64_t n, int64_t p)
      : wanted(static_cast<size_t>(shape.classes)) {
    for (int64_t c = 0; c < shape.classes; ++c) largest = std::max(logits[shape.at(n, c, p)], largest);
    for (int64_t c = 0; c < shape.classes; ++c) sum += std::exp(logits[shape.at(n, c, p)] - largest);
    const bool distribution = target.dims.size() == logits.dims.size();
    const double label = distribution ? 0 : target[n * shape.positions + p];
    if (!distribution && attributes.ignored.is(label)) return;
    valid = distribution || is_class(label, shape.classes);
    const double s = attributes.label_smoothing;
    for (int64_t c = 0; c < shape.classes; ++c) {
      const double q = distribution ? target[shape.at(n, c, p)] : static_cast<double>(c) == label ? 1 : 0;
      const double v = (class_weight ? (*class_weight)[c] : 1) * ((1 - s) * q + s / static_cast<double>(shape.classes));
      wanted[static_cast<size_t>(c)] = v;
      wanted_sum += v;
    }
  }
};

} // namespace

std::vector<TensorType> SoftmaxCrossEntropy::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<SoftmaxCrossEntropy>().name;
  if (operands.size() != 3) expect_count(op, operands, {"logits", "target"});
  expect_operands(op, attributes, operands, 2);
  return {TensorType{DType::f32, {operands[0].dims[0]}, {}}};
}

void SoftmaxCrossEntropy::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& logits = frame.operand(0);
  const Tensor* class_weight = frame.operands.size() > 2 ? frame.operands[2] : nullptr;
  const ClassPositions shape(logits.dims);
  for (int64_t n = 0; n < shape.samples; ++n) {
    for (int64_t p = 0; p < shape.positions; ++p) {
      const Position position(attributes, shape, logits, frame.operand(1), class_weight, n, p);
      // log(sum) and largest are not added before the logits are taken off: both may be huge and cancel.
      double loss = position.wanted_sum * std::log(position.sum);
      for (int64_t c = 0; c < shape.classes; ++c) {
        const double v = position.wanted[static_cast<size_t>(c)];
        if (v != 0) loss += v * (position.largest - logits[shape.at(n, c, p)]);
      }
      frame.result()[n] += position.valid ? loss : kNaN;
    }
  }
}

void SoftmaxCrossEntropy::gradient(GradientBuilder& builder, const Node& node) {
  if (!builder.wants(0)) return;
  std::vector<Value*> operands{&node.operand(0), &node.operand(1), builder.result_gradient()};
  if (node.operands().size() > 2) operands.push_back(&node.operand(2));
  builder.set_operand_gradient(0, builder.create<SoftmaxCrossEntropyBackward>(node.attributes<SoftmaxCrossEntropy>(),
                                                                              std::move(operands), "backward"));
}

int64_t SoftmaxCrossEntropy::flops(const Node& node) { return 4 * node.operand(0).type.elements(); }

std::vector<TensorType> SoftmaxCrossEntropyBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<SoftmaxCrossEntropyBackward>().name;
  if (operands.size() != 4) expect_count(op, operands, {"logits", "target", "dloss"});
  expect_operands(op, attributes, operands, 3);
  expect_type(op, "dloss", operands[2], DType::f32, {operands[0].dims[0]});
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

void SoftmaxCrossEntropyBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& logits = frame.operand(0);
  const Tensor* class_weight = frame.operands.size() > 3 ? frame.operands[3] : nullptr;
  const ClassPositions shape(logits.dims);
  for (int64_t n = 0; n < shape.samples; ++n) {
    for (int64_t p = 0; p < shape.positions; ++p) {
      const Position position(attributes, shape, logits, frame.operand(1), class_weight, n, p);
      for (int64_t c = 0; c < shape.classes; ++c) {
        const int64_t at = shape.at(n, c, p);
        const double softmax = std::exp(logits[at] - position.largest) / position.sum;
        const double slope = position.wanted_sum * softmax - position.wanted[static_cast<size_t>(c)];
        frame.result()[at] = position.valid ? slope * frame.operand(2)[n] : kNaN;
      }
    }
  }
}

int64_t SoftmaxCrossEntropyBackward::flops(const Node& node) { return 6 * node.result().type.elements(); }

} // namespace kiln::ir
