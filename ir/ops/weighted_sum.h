// WeightedSum: several losses to the one that is trained on.
// Its gradient is a weighted sum of one.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// weighted_sum(src0, src1, ...): dst[i] = sum over k of weight[k] * src[k][i].
//   src0, src1, ...  f32 of any shape, all alike, at least one
//   weight           a value each
//   ->               as src0
struct WeightedSum {
  struct Attributes {
    std::vector<double> weight = {1};
    void fields(FieldVisitor& visit) { visit("weight", weight); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
};

} // namespace kiln::ir
