// LabelWeight: what the labels of each sample weigh together, which is what weighted_mean divides a loss by.
// A value per sample, so that a last batch's padded rows can be left out.
#pragma once

#include "ir/op.h"
#include "ir/ops/class_target.h"

namespace kiln::ir {

// label_weight(labels[, class_weight]): dst[n] = sum over positions of class_weight[label].
//   labels         i32[N,...]
//   class_weight   f32[C]; left out: every label weighs 1
//   ignores        whether there is a label that is ignored
//   ignored_label  which one: it weighs 0
//   ->             f32[N]
// A label without a weight weighs 0: the loss tells what is wrong with it. Not differentiable.
struct LabelWeight {
  struct Attributes {
    IgnoredLabel ignored = {};
    void fields(FieldVisitor& visit) { ignored.fields(visit); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
};

} // namespace kiln::ir
