// FoldShift: a bias that takes over a shift per input channel from the op before the weights.
// Made by fold_preprocess: weights(x + shift) + bias = weights(x) + folded. Exact where no padding is read.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// fold_shift(weights[, bias]): dst[o] = bias[o] + sum over i, y, x of weights[o,i,y,x] * shift[i].
//   weights  of a convolution: f32[O,I,KH,KW], shift has I values;
//            or of a dense layer: f32[M,K], the number of values divides K, and input k has shift[k / (K / values)]
//   bias     f32[O] (f32[M]); 0 when left out
//   shift    one value an input channel
//   ->       f32[O] (f32[M])
// No gradient: folding is for inference.
struct FoldShift {
  struct Attributes {
    std::vector<double> shift = {0};
    void fields(FieldVisitor& visit) { visit("shift", shift); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
};

} // namespace kiln::ir
