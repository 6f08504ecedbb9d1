// LabelWeight: what the labels of each sample weigh together, which is what weighted_mean divides a loss by.
// Added in the order of positions.
#include "ir/ops/label_weight.h"

namespace kiln::ir {

std::vector<TensorType> LabelWeight::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<LabelWeight>().name;
  if (operands.size() != 2) expect_count(op, operands, {"labels"});
  expect_dtype(op, "labels", operands[0], DType::i32);
  if (operands.size() > 1) {
    expect_dtype(op, "class_weight", operands[1], DType::f32);
    expect_rank(op, "class_weight", operands[1], {1});
  }
  expect_ignored(op, attributes.ignored);
  return {TensorType{DType::f32, {operands[0].dims[0]}, {}}};
}

void LabelWeight::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& labels = frame.operand(0);
  const Tensor* weight = frame.operands.size() > 1 ? frame.operands[1] : nullptr;
  const int64_t positions = labels.elements() / labels.dims[0];
  for (int64_t i = 0; i < labels.elements(); ++i) {
    if (attributes.ignored.is(labels[i])) continue;
    if (weight && !is_class(labels[i], weight->elements())) continue;
    frame.result()[i / positions] += weight ? (*weight)[static_cast<int64_t>(labels[i])] : 1;
  }
}

} // namespace kiln::ir
