// Argmax: the class that a classifier chooses, at each position.
// No class where a logit is NaN, so that a broken network is right about nothing.
#include "ir/ops/argmax.h"

#include "ir/ops/class_target.h"

#include <cmath>

namespace kiln::ir {

std::vector<TensorType> Argmax::infer(const Attributes&, Operands operands) {
  const auto op = info<Argmax>().name;
  expect_count(op, operands, {"logits"});
  expect_logits(op, "logits", operands[0]);
  return {TensorType{DType::i32, label_dims(operands[0].dims), {}}};
}

void Argmax::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& logits = frame.operand(0);
  const ClassPositions shape(logits.dims);
  for (int64_t n = 0; n < shape.samples; ++n) {
    for (int64_t p = 0; p < shape.positions; ++p) {
      int64_t best = 0;
      bool number = true;
      for (int64_t c = 0; c < shape.classes; ++c) {
        const double value = logits[shape.at(n, c, p)];
        number = number && !std::isnan(value);
        if (value > logits[shape.at(n, best, p)]) best = c;
      }
      frame.result()[n * shape.positions + p] = static_cast<double>(number ? best : -1);
    }
  }
}

} // namespace kiln::ir
