// Softmax cross-entropy: the loss of a classifier, a value per sample, from logits and what is wanted of them; and its
// gradient. A value per sample, so that a last batch's padded rows can be left out; reduce_mean or weighted_mean makes
// the training loss of it.
#pragma once

#include "ir/op.h"
#include "ir/ops/class_target.h"

namespace kiln::ir {

// softmax_cross_entropy(logits, target[, class_weight]): with x the logits of one position and q[c] what is wanted
// there,
//   loss[n] = sum over positions, sum over c of v[c] (log(sum over k of exp(x[k])) - x[c]),
//   v[c] = class_weight[c] ((1 - s) q[c] + s / C),
// with the position's maximum taken out. Labels want q[c] = (c == label ? 1 : 0), and v = 0 where one is ignored.
//   logits           f32[N,C,...]
//   target           labels i32[N,...], or distributions f32[N,C,...]; no gradient flows to it
//   class_weight     f32[C]; left out: ones. No gradient flows to it
//   label_smoothing  s, 0 <= s < 1; 0: none
//   ignores          whether there is a label that is ignored
//   ignored_label    which one, a class or not
//   ->               f32[N]
// Any other label outside [0,C) gives NaN and reads nothing out of bounds. Divided by the sum of label_weight (labels)
// or the number of positions (distributions) over the batch, it is PyTorch's cross_entropy, reduction mean.
struct SoftmaxCrossEntropy {
  struct Attributes {
    double label_smoothing = 0;
    IgnoredLabel ignored = {};
    void fields(FieldVisitor& visit) {
      visit("label_smoothing", label_smoothing);
      ignored.fields(visit);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
};

// softmax_cross_entropy_backward(logits, target, dloss[, class_weight]):
//   dlogits[n,c,...] = ((sum over k of v[k]) softmax(x)[c] - v[c]) * dloss[n].
//   logits           f32[N,C,...]
//   target           labels i32[N,...], or distributions f32[N,C,...]
//   dloss            f32[N]
//   class_weight     f32[C]
//   label_smoothing, ignores, ignored_label  as softmax_cross_entropy's
//   ->               f32[N,C,...]
// A label that is no class and not ignored gives a position of NaN, the derivative of its loss.
struct SoftmaxCrossEntropyBackward {
  using Attributes = SoftmaxCrossEntropy::Attributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
};

} // namespace kiln::ir
