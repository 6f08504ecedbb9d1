// Softmax cross-entropy: the loss of a classifier, a value per sample, from logits and labels; and its gradient.
// A value per sample, so that a last batch's padded rows can be left out; reduce_mean makes the training loss of it.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// softmax_cross_entropy(logits, labels): loss[n] = log(sum over c of exp(logits[n,c])) - logits[n, labels[n]],
// with the row's maximum m taken out: log(sum of exp(logits[n,c] - m)) + (m - logits[n, labels[n]]). With smoothing s
// the wanted distribution is 1 - s for the label and s spread evenly over all classes, so that the last logit becomes
// (1 - s) logits[n, labels[n]] + s * mean over c of logits[n,c].
//   logits           f32[N,C]
//   labels           i32[N]; no gradient flows to them
//   label_smoothing  s, 0 <= s < 1; 0: none
//   ->               f32[N]
// A label outside [0,C) gives NaN and reads nothing out of bounds.
struct SoftmaxCrossEntropy {
  struct Attributes {
    double label_smoothing = 0;
    void fields(FieldVisitor& visit) { visit("label_smoothing", label_smoothing); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
};

// softmax_cross_entropy_backward(logits, labels, dloss):
//   dlogits[n,c] = (softmax(logits)[n,c] - w[n,c]) * dloss[n], w[n,c] = (c == labels[n] ? 1 - s : 0) + s / C.
//   logits           f32[N,C]
//   labels           i32[N]
//   dloss            f32[N]
//   label_smoothing  s, as softmax_cross_entropy's
//   ->               f32[N,C]
// A label outside [0,C) gives a row of NaN, the derivative of its loss.
struct SoftmaxCrossEntropyBackward {
  struct Attributes {
    double label_smoothing = 0;
    void fields(FieldVisitor& visit) { visit("label_smoothing", label_smoothing); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
};

} // namespace kiln::ir
