// Multi-class hinge: the loss of a support vector machine, a value per sample; and its gradient.
// The gradients of a sample's logits add up to 0.
#include "ir/ops/multi_class_hinge.h"

#include "ir/ops/expect.h"

#include <cmath>
#include <limits>

namespace kiln::ir {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void expect_logits_and_labels(std::string_view op, Operands operands, double margin) {
  expect_dtype(op, "logits", operands[0], DType::f32);
  expect_rank(op, "logits", operands[0], {2});
  expect_type(op, "labels", operands[1], DType::i32, {operands[0].dims[0]});
  if (!(margin > 0) || std::isinf(margin)) refuse(op, "margin", "finite and above 0", fmt::to_string(margin));
}

bool is_class(double label, int64_t classes) { return label >= 0 && label < static_cast<double>(classes); }

} // namespace

std::vector<TensorType> MultiClassHinge::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<MultiClassHinge>().name;
  expect_count(op, operands, {"logits", "labels"});
  expect_logits_and_labels(op, operands, attributes.margin);
  return {TensorType{DType::f32, {operands[0].dims[0]}, {}}};
}

void MultiClassHinge::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& logits = frame.operand(0);
  const Tensor& labels = frame.operand(1);
  Tensor& loss = frame.result();
  const int64_t classes = logits.dims[1];
  for (int64_t n = 0; n < logits.dims[0]; ++n) {
    if (!is_class(labels[n], classes)) {
      loss[n] = kNaN;
      continue;
    }
    const auto label = static_cast<int64_t>(labels[n]);
    for (int64_t c = 0; c < classes; ++c)
      if (c != label) loss[n] += formula<double>(attributes, logits[n * classes + c], logits[n * classes + label]);
  }
}

void MultiClassHinge::gradient(GradientBuilder& builder, const Node& node) {
  if (!builder.wants(0)) return;
  const auto& attributes = node.attributes<MultiClassHinge>();
  builder.set_operand_gradient(0, builder.create<MultiClassHingeBackward>(
                                      {.margin = attributes.margin, .norm = attributes.norm},
                                      {&node.operand(0), &node.operand(1), builder.result_gradient()}, "backward"));
}

int64_t MultiClassHinge::flops(const Node& node) { return 4 * node.operand(0).type.elements(); }

std::vector<TensorType> MultiClassHingeBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<MultiClassHingeBackward>().name;
  expect_count(op, operands, {"logits", "labels", "dloss"});
  expect_logits_and_labels(op, operands, attributes.margin);
  expect_type(op, "dloss", operands[2], DType::f32, {operands[0].dims[0]});
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

void MultiClassHingeBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& logits = frame.operand(0);
  const Tensor& labels = frame.operand(1);
  Tensor& dlogits = frame.result();
  const int64_t classes = logits.dims[1];
  for (int64_t n = 0; n < logits.dims[0]; ++n) {
    const int64_t row = n * classes;
    const bool valid = is_class(labels[n], classes);
    const int64_t label = valid ? static_cast<int64_t>(labels[n]) : 0;
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) {
      const double slope = c == label ? 0 : formula<double>(attributes, logits[row + c], logits[row + label]);
      dlogits[row + c] = valid ? slope * frame.operand(2)[n] : kNaN;
      sum += slope;
    }
    if (valid) dlogits[row + label] = -sum * frame.operand(2)[n];
  }
}

int64_t MultiClassHingeBackward::flops(const Node& node) { return 5 * node.result().type.elements(); }

} // namespace kiln::ir
