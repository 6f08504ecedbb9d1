// Softmax cross-entropy: the loss of a classifier, a value per sample, from logits and labels; and its gradient.
// Loss and gradient both subtract the row's maximum first, so that no finite row overflows.
#include "ir/ops/softmax_cross_entropy.h"

#include "ir/ops/expect.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kiln::ir {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void expect_logits_and_labels(std::string_view op, Operands operands) {
  expect_dtype(op, "logits", operands[0], DType::f32);
  expect_rank(op, "logits", operands[0], {2});
  expect_type(op, "labels", operands[1], DType::i32, {operands[0].dims[0]});
}

void expect_smoothing(std::string_view op, double smoothing) {
  if (!(smoothing >= 0 && smoothing < 1))
    refuse(op, "label_smoothing", "at least 0 and less than 1", fmt::to_string(smoothing));
}

// A row's largest logit, and the sum of exp(logit - largest).
struct RowSum {
  double largest;
  double sum = 0;

  RowSum(const Tensor& logits, int64_t begin, int64_t classes) : largest(logits[begin]) {
    for (int64_t c = 1; c < classes; ++c) largest = std::max(largest, logits[begin + c]);
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(logits[begin + c] - largest);
  }
};

bool is_class(double label, int64_t classes) { return label >= 0 && label < static_cast<double>(classes); }

} // namespace

std::vector<TensorType> SoftmaxCrossEntropy::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<SoftmaxCrossEntropy>().name;
  expect_count(op, operands, {"logits", "labels"});
  expect_logits_and_labels(op, operands);
  expect_smoothing(op, attributes.label_smoothing);
  return {TensorType{DType::f32, {operands[0].dims[0]}, {}}};
}

void SoftmaxCrossEntropy::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& logits = frame.operand(0);
  const Tensor& labels = frame.operand(1);
  Tensor& loss = frame.result();
  const int64_t classes = logits.dims[1];
  for (int64_t n = 0; n < logits.dims[0]; ++n) {
    const RowSum row(logits, n * classes, classes);
    if (!is_class(labels[n], classes)) {
      loss[n] = kNaN;
      continue;
    }
    // log(sum) and largest are not added before the logits are taken off: both may be huge and cancel.
    const double s = attributes.label_smoothing;
    const double below = row.largest - logits[n * classes + static_cast<int64_t>(labels[n])];
    double all_below = 0;
    for (int64_t c = 0; c < classes; ++c) all_below += row.largest - logits[n * classes + c];
    loss[n] = std::log(row.sum) + (s == 0 ? below : (1 - s) * below + s * all_below / static_cast<double>(classes));
  }
}

void SoftmaxCrossEntropy::gradient(GradientBuilder& builder, const Node& node) {
  if (!builder.wants(0)) return;
  builder.set_operand_gradient(0, builder.create<SoftmaxCrossEntropyBackward>(
                                      {.label_smoothing = node.attributes<SoftmaxCrossEntropy>().label_smoothing},
                                      {&node.operand(0), &node.operand(1), builder.result_gradient()}, "backward"));
}

int64_t SoftmaxCrossEntropy::flops(const Node& node) { return 4 * node.operand(0).type.elements(); }

std::vector<TensorType> SoftmaxCrossEntropyBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<SoftmaxCrossEntropyBackward>().name;
  expect_count(op, operands, {"logits", "labels", "dloss"});
  expect_logits_and_labels(op, operands);
  expect_smoothing(op, attributes.label_smoothing);
  expect_type(op, "dloss", operands[2], DType::f32, {operands[0].dims[0]});
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

void SoftmaxCrossEntropyBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& logits = frame.operand(0);
  const Tensor& labels = frame.operand(1);
  const Tensor& dloss = frame.operand(2);
  Tensor& dlogits = frame.result();
  const int64_t classes = logits.dims[1];
  for (int64_t n = 0; n < logits.dims[0]; ++n) {
    const RowSum row(logits, n * classes, classes);
    for (int64_t c = 0; c < classes; ++c) {
      const double softmax = std::exp(logits[n * classes + c] - row.largest) / row.sum;
      const double s = attributes.label_smoothing;
      const double wanted = (labels[n] == static_cast<double>(c) ? 1 - s : 0) + s / static_cast<double>(classes);
      dlogits[n * classes + c] = is_class(labels[n], classes) ? (softmax - wanted) * dloss[n] : kNaN;
    }
  }
}

int64_t SoftmaxCrossEntropyBackward::flops(const Node& node) { return 6 * node.result().type.elements(); }

} // namespace kiln::ir
