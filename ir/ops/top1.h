// Top1: whether a classifier's first choice is the label, per sample.
// A value per sample, so that a last batch's padded rows can be left out of the accuracy.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// top1(logits, labels): dst[n] = 1 when labels[n] is the index of the first of the row's largest logits, else 0.
//   logits  f32[N,C]
//   labels  i32[N]; one outside [0,C) counts 0
//   ->      f32[N]
// That is: every logit before the label's is smaller and none behind it is larger. Comparisons with NaN are false, so
// a row that holds one counts 0. Not differentiable.
struct Top1 {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
};

} // namespace kiln::ir
