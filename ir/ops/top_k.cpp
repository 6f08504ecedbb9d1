// TopK: how many labels of a sample are among a classifier's k first choices: one or none, or a count of positions.
// Compares with the label's logit instead of sorting, which says the same and settles ties and NaN.
#include "ir/ops/top_k.h"

#include <cmath>

namespace kiln::ir {

std::vector<TensorType> TopK::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<TopK>().name;
  expect_count(op, operands, {"logits", "labels"});
  expect_logits(op, "logits", operands[0]);
  expect_labels(op, operands[1], operands[0].dims);
  if (attributes.k < 1) refuse(op, "k", "at least 1", fmt::to_string(attributes.k));
  expect_ignored(op, attributes.ignored);
  return {TensorType{DType::f32, {operands[0].dims[0]}, {}}};
}

void TopK::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& logits = frame.operand(0);
  const ClassPositions shape(logits.dims);
  for (int64_t n = 0; n < shape.samples; ++n) {
    for (int64_t p = 0; p < shape.positions; ++p) {
      const double label = frame.operand(1)[n * shape.positions + p];
      if (attributes.ignored.is(label) || !is_class(label, shape.classes)) continue;
      const double chosen = logits[shape.at(n, static_cast<int64_t>(label), p)];
      int64_t before = 0;
      for (int64_t c = 0; c < shape.classes; ++c) {
        const double other = logits[shape.at(n, c, p)];
        if (static_cast<double>(c) < label ? !(other < chosen) : !(other <= chosen)) ++before;
      }
      if (before < attributes.k && !std::isnan(chosen)) frame.result()[n] += 1;
    }
  }
}

} // namespace kiln::ir
