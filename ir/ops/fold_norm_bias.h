// FoldNormBias: a bias that takes over what the batch norm behind it adds.
// Made by fold_batch_norm, with FoldNormWeights.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// fold_norm_bias(mean, variance[, scale, shift][, bias]):
//   dst[c] = (bias[c] - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c]
//   all      f32[C]; scale 1, shift 0 and bias 0 when left out
//   epsilon  at least 1e-30
//   ->       f32[C]
// No gradient: folding is for inference.
struct FoldNormBias {
  struct Attributes {
    double epsilon = 1e-5;
    void fields(FieldVisitor& visit) { visit("epsilon", epsilon); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);

  // Which of the optional operands a number of operands means: 2 none, 3 the bias, 4 scale and shift, 5 all.
  static bool affine(size_t operands) { return operands >= 4; }
  static bool biased(size_t operands) { return operands % 2 == 1; }
};

} // namespace kiln::ir
