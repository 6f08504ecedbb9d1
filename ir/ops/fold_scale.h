// FoldScale: weights that take over a scale per input channel from the op before them.
// Made by fold_preprocess: weights(x * scale) = folded(x).
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// fold_scale(weights): dst[o,i,y,x] = weights[o,i,y,x] * scale[i].
//   weights  of a convolution: f32[O,I,KH,KW], scale has I values;
//            or of a dense layer: f32[M,K], the number of values divides K, and input k has scale[k / (K / values)]
//   scale    one value an input channel
//   ->       as weights
// No gradient: folding is for inference.
struct FoldScale {
  struct Attributes {
    std::vector<double> scale = {1};
    void fields(FieldVisitor& visit) { visit("scale", scale); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
};

} // namespace kiln::ir
