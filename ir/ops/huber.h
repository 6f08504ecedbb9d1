// Huber: squared near 0 and absolute further out, a value per sample; and its gradient.
// The mean over a sample's values, so that reduce_mean of it is the mean over all.
#pragma once

#include "ir/ops/mean_loss.h"

namespace kiln::ir {

struct HuberBackward;

// huber(prediction, target): loss[n] = mean over c of h(prediction[n,c] - target[n,c]),
//   h(d) = |d| <= delta ? d^2 / 2 : delta * (|d| - delta / 2).
//   prediction  f32[N,...]
//   target      f32[N,...]; no gradient flows to it
//   delta       where the square ends, finite, above 0
//   ->          f32[N]
// PyTorch's HuberLoss; its SmoothL1Loss is this divided by delta.
struct Huber : MeanLoss<Huber, HuberBackward> {
  struct Attributes {
    double delta = 1;
    void fields(FieldVisitor& visit) { visit("delta", delta); }
  };
  static constexpr std::string_view prediction_name = "prediction";
  static void check(const Attributes&);

  template <class T> static T formula(const Attributes& attributes, const T& x, const T& t) {
    using math::abs;
    using math::like;
    using math::select;
    const T distance = abs(x - t);
    const T line = (distance - like(x, attributes.delta / 2)) * like(x, attributes.delta);
    return select(distance > like(x, attributes.delta), line, distance * distance * like(x, 0.5));
  }
};

// huber_backward(prediction, target, dloss):
//   dprediction[n,c] = min(max(prediction[n,c] - target[n,c], -delta), delta) * dloss[n] / C, C the values of a sample.
//   prediction, target  f32[N,...]
//   dloss               f32[N]
//   delta               as huber's
//   ->                  f32[N,...]
struct HuberBackward : MeanLossBackward<HuberBackward> {
  struct Attributes {
    double delta = 1;
    void fields(FieldVisitor& visit) { visit("delta", delta); }
  };
  static constexpr std::string_view prediction_name = "prediction";
  static Attributes attributes_of(const Huber::Attributes& forward) { return {.delta = forward.delta}; }
  static void check(const Attributes&);

  template <class T> static T formula(const Attributes& attributes, const T& x, const T& t) {
    using math::like;
    using math::select;
    const T difference = x - t;
    const T low = like(x, -attributes.delta);
    const T high = like(x, attributes.delta);
    return select(difference < low, low, select(difference > high, high, difference));
  }
};

} // namespace kiln::ir
