// Top1: whether a classifier's first choice is the label, per sample.
// Compares with the label's logit instead of searching the maximum, which says the same and settles ties and NaN.
#include "ir/ops/top1.h"

#include "ir/ops/expect.h"

namespace kiln::ir {

std::vector<TensorType> Top1::infer(const Attributes&, Operands operands) {
  const auto op = info<Top1>().name;
  expect_count(op, operands, {"logits", "labels"});
  expect_dtype(op, "logits", operands[0], DType::f32);
  expect_rank(op, "logits", operands[0], {2});
  expect_type(op, "labels", operands[1], DType::i32, {operands[0].dims[0]});
  return {TensorType{DType::f32, {operands[0].dims[0]}, {}}};
}

void Top1::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& logits = frame.operand(0);
  const Tensor& labels = frame.operand(1);
  Tensor& dst = frame.result();
  const int64_t classes = logits.dims[1];
  for (int64_t n = 0; n < logits.dims[0]; ++n) {
    if (!(labels[n] >= 0 && labels[n] < static_cast<double>(classes))) continue; // stays 0
    const auto label = static_cast<int64_t>(labels[n]);
    const double chosen = logits[n * classes + label];
    bool first = true;
    for (int64_t c = 0; c < classes; ++c) {
      const double other = logits[n * classes + c];
      first = first && (c < label ? other < chosen : other <= chosen);
    }
    dst[n] = first ? 1 : 0;
  }
}

} // namespace kiln::ir
