// Sigmoid cross-entropy: the loss of classes that do not exclude each other, a value per sample; and its gradient.
// The mean over a sample's classes, so that reduce_mean of it is the mean over all.
#pragma once

#include "ir/ops/mean_loss.h"

namespace kiln::ir {

struct SigmoidCrossEntropyBackward;

// sigmoid_cross_entropy(logits, target): loss[n] = mean over c of -w t log(p) - (1 - t) log(1 - p), p =
// sigmoid(logits[n,c]), t = target[n,c], w = pos_weight; for w = 1 as max(x, 0) - x t + log(1 + exp(-|x|)), which
// overflows for no logit.
//   logits      f32[N,...]
//   target      f32[N,...] from 0 to 1; no gradient flows to it
//   pos_weight  finite, above 0: how much a class that is there counts against one that is not
//   ->          f32[N]
struct SigmoidCrossEntropy : MeanLoss<SigmoidCrossEntropy, SigmoidCrossEntropyBackward> {
  struct Attributes {
    double pos_weight = 1;
    void fields(FieldVisitor& visit) { visit("pos_weight", pos_weight); }
  };
  static constexpr std::string_view prediction_name = "logits";
  static void check(const Attributes&);

  template <class T> static T formula(const Attributes& attributes, const T& x, const T& t) {
    using math::abs;
    using math::exp;
    using math::like;
    using math::log1p;
    using math::max;
    const T zero = like(x, 0);
    const T rest = log1p(exp(zero - abs(x)));
    if (attributes.pos_weight == 1) return (max(zero, x) - x * t) + rest;
    // The loss of "yes" is rest + max(-x, 0), of "no" rest + max(x, 0).
    return t * like(x, attributes.pos_weight) * (rest + max(zero, zero - x)) + (like(x, 1) - t) * (rest + max(zero, x));
  }
};

// sigmoid_cross_entropy_backward(logits, target, dloss):
//   dlogits[n,c] = (p (w t + 1 - t) - w t) * dloss[n] / C, C the values of a sample, w pos_weight.
//   logits, target  f32[N,...]
//   dloss           f32[N]
//   pos_weight      as sigmoid_cross_entropy's
//   ->              f32[N,...]
struct SigmoidCrossEntropyBackward : MeanLossBackward<SigmoidCrossEntropyBackward> {
  using Attributes = SigmoidCrossEntropy::Attributes;
  static constexpr std::string_view prediction_name = "logits";
  static Attributes attributes_of(const SigmoidCrossEntropy::Attributes& forward) { return forward; }
  static void check(const Attributes&);

  template <class T> static T formula(const Attributes& attributes, const T& x, const T& t) {
    using math::like;
    using math::sigmoid;
    if (attributes.pos_weight == 1) return sigmoid(x) - t;
    const T yes = t * like(x, attributes.pos_weight);
    return sigmoid(x) * (yes + (like(x, 1) - t)) - yes;
  }
};

} // namespace kiln::ir
