// Softmax cross-entropy: the loss of a classifier, a value per sample, from logits and labels; and its gradient.
// A value per sample, so that a last batch's padded rows can be left out; reduce_mean makes the training loss of it.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// softmax_cross_entropy(logits, labels): loss[n] = log(sum over c of exp(logits[n,c])) - logits[n, labels[n]],
// with the row's maximum m taken out: log(sum of exp(logits[n,c] - m)) + (m - logits[n, labels[n]]).
//   logits  f32[N,C]
//   labels  i32[N]; no gradient flows to them
//   ->      f32[N]
// A label outside [0,C) gives NaN and reads nothing out of bounds.
struct SoftmaxCrossEntropy {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
};

// softmax_cross_entropy_backward(logits, labels, dloss):
//   dlogits[n,c] = (softmax(logits)[n,c] - (c == labels[n] ? 1 : 0)) * dloss[n].
//   logits  f32[N,C]
//   labels  i32[N]
//   dloss   f32[N]
//   ->      f32[N,C]
// A label outside [0,C) gives a row of NaN, the derivative of its loss.
struct SoftmaxCrossEntropyBackward {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
};

} // namespace kiln::ir
