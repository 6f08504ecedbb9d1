// PickClass: from each row of values, a value a class, the one of the row's label.
// Its shape rule, gradient rule and reference evaluation.
#include "ir/ops/pick_class.h"

#include "ir/ops/expect.h"

#include <limits>

namespace kiln::ir {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Labels are i32: another one can never be met.
void expect_ignored_label(std::string_view op, const PickClass::Attributes& attributes) {
  constexpr std::numeric_limits<int32_t> labels;
  if (attributes.ignored_label < labels.min() || attributes.ignored_label > labels.max())
    refuse(op, "ignored_label", "a value of i32", fmt::to_string(attributes.ignored_label));
}

bool is_class(double label, int64_t classes) { return label >= 0 && label < static_cast<double>(classes); }

} // namespace

std::vector<TensorType> PickClass::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<PickClass>().name;
  expect_count(op, operands, {"src", "labels"});
  expect_dtype(op, "src", operands[0], DType::f32);
  expect_rank(op, "src", operands[0], {2});
  expect_type(op, "labels", operands[1], DType::i32, {operands[0].dims[0]});
  expect_ignored_label(op, attributes);
  return {TensorType{DType::f32, {operands[0].dims[0]}, {}}};
}

void PickClass::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& labels = frame.operand(1);
  Tensor& dst = frame.result();
  const int64_t classes = src.dims[1];
  for (int64_t n = 0; n < src.dims[0]; ++n) {
    if (attributes.is_ignored(labels[n])) continue; // stays 0
    dst[n] = is_class(labels[n], classes) ? src[n * classes + static_cast<int64_t>(labels[n])] : kNaN;
  }
}

void PickClass::gradient(GradientBuilder& builder, const Node& node) {
  if (!builder.wants(0)) return;
  PickClassBackward::Attributes attributes{node.attributes<PickClass>(), node.operand(0).type.dims[1]};
  builder.set_operand_gradient(
      0, builder.create<PickClassBackward>(attributes, {&node.operand(1), builder.result_gradient()}, "backward"));
}

std::vector<TensorType> PickClassBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<PickClassBackward>().name;
  expect_count(op, operands, {"labels", "ddst"});
  expect_dtype(op, "labels", operands[0], DType::i32);
  expect_rank(op, "labels", operands[0], {1});
  expect_type(op, "ddst", operands[1], DType::f32, operands[0].dims);
  expect_ignored_label(op, attributes);
  const Dims dims{operands[0].dims[0], attributes.classes};
  expect_dims(op, "classes", dims);
  return {TensorType{DType::f32, dims, {}}};
}

void PickClassBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& labels = frame.operand(0);
  const Tensor& ddst = frame.operand(1);
  Tensor& dsrc = frame.result();
  const int64_t classes = attributes.classes;
  for (int64_t n = 0; n < labels.dims[0]; ++n) {
    if (attributes.is_ignored(labels[n])) continue; // stays 0
    for (int64_t c = 0; c < classes; ++c) {
      const double picked = labels[n] == static_cast<double>(c) ? ddst[n] : 0;
      dsrc[n * classes + c] = is_class(labels[n], classes) ? picked : kNaN;
    }
  }
}

} // namespace kiln::ir
