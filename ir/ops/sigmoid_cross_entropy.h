// Sigmoid cross-entropy: the loss of classes that do not exclude each other, a value per sample; and its gradient.
// The mean over a sample's classes, so that reduce_mean of it is the mean over all.
#pragma once

#include "ir/ops/mean_loss.h"

namespace kiln::ir {

struct SigmoidCrossEntropyBackward;

// sigmoid_cross_entropy(logits, target): loss[n] = mean over c of -t log(p) - (1 - t) log(1 - p), p =
// sigmoid(logits[n,c]), t = target[n,c]; as max(x, 0) - x t + log(1 + exp(-|x|)), which overflows for no logit.
//   logits  f32[N,C]
//   target  f32[N,C] from 0 to 1; no gradient flows to it
//   ->      f32[N]
struct SigmoidCrossEntropy : MeanLoss<SigmoidCrossEntropy, SigmoidCrossEntropyBackward> {
  using Attributes = NoAttributes;
  static constexpr std::string_view prediction_name = "logits";

  template <class T> static T formula(const Attributes&, const T& x, const T& t) {
    using math::abs;
    using math::exp;
    using math::like;
    using math::log1p;
    using math::max;
    return (max(like(x, 0), x) - x * t) + log1p(exp(like(x, 0) - abs(x)));
  }
};

// sigmoid_cross_entropy_backward(logits, target, dloss):
//   dlogits[n,c] = (sigmoid(logits[n,c]) - target[n,c]) * dloss[n] / C.
//   logits, target  f32[N,C]
//   dloss           f32[N]
//   ->              f32[N,C]
struct SigmoidCrossEntropyBackward : MeanLossBackward<SigmoidCrossEntropyBackward> {
  using Attributes = NoAttributes;
  static constexpr std::string_view prediction_name = "logits";
  static Attributes attributes_of(const SigmoidCrossEntropy::Attributes&) { return {}; }

  template <class T> static T formula(const Attributes&, const T& x, const T& t) {
    using math::sigmoid;
    return sigmoid(x) - t;
  }
};

} // namespace kiln::ir
