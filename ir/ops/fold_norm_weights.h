// FoldNormWeights: weights that take over the factor per output channel of the batch norm behind them.
// Made by fold_batch_norm, with FoldNormBias: batch_norm_inference(weights(x) + bias) = folded(x) + folded bias.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// fold_norm_weights(weights, variance[, scale]): dst[o,...] = weights[o,...] / sqrt(variance[o] + epsilon) * scale[o].
//   weights          of a convolution, f32[O,I,KH,KW], or of a dense layer, f32[O,K]
//   variance, scale  f32[O]; scale 1 when left out
//   epsilon          at least 1e-30
//   ->               as weights
// No gradient: folding is for inference.
struct FoldNormWeights {
  struct Attributes {
    double epsilon = 1e-5;
    void fields(FieldVisitor& visit) { visit("epsilon", epsilon); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
};

} // namespace kiln::ir
