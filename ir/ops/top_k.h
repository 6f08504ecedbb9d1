// TopK: how many labels of a sample are among a classifier's k first choices: one or none, or a count of positions.
// A value per sample, so that a last batch's padded rows can be left out of the accuracy.
#pragma once

#include "ir/op.h"
#include "ir/ops/class_target.h"

namespace kiln::ir {

// top_k(logits, labels): dst[n] = number of positions at which less than k logits come before the label's.
//   logits         f32[N,C,...]
//   labels         i32[N,...]; one outside [0,C) counts 0
//   k              at least 1
//   ignores        whether there is a label that is ignored
//   ignored_label  which one: it counts 0
//   ->             f32[N]
// Before the label's come logits that are larger, and equal ones of lower classes. A NaN comes before all else, and
// never counts itself: where it is the label's logit the label is no choice whatever k. Not differentiable.
struct TopK {
  struct Attributes {
    int64_t k = 1;
    IgnoredLabel ignored = {};
    void fields(FieldVisitor& visit) {
      visit("k", k);
      ignored.fields(visit);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
};

} // namespace kiln::ir
