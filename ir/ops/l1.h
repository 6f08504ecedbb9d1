// L1: the mean absolute error, a value per sample; and its gradient.
// The mean over a sample's values, so that reduce_mean of it is the mean over all.
#pragma once

#include "ir/ops/mean_loss.h"

namespace kiln::ir {

struct L1Backward;

// l1(prediction, target): loss[n] = mean over c of |prediction[n,c] - target[n,c]|.
//   prediction  f32[N,...]
//   target      f32[N,...]; no gradient flows to it
//   ->          f32[N]
struct L1 : MeanLoss<L1, L1Backward> {
  using Attributes = NoAttributes;
  static constexpr std::string_view prediction_name = "prediction";

  template <class T> static T formula(const Attributes&, const T& x, const T& t) {
    using math::abs;
    return abs(x - t);
  }
};

// l1_backward(prediction, target, dloss): dprediction[n,c] = sign(prediction[n,c] - target[n,c]) * dloss[n] / C; the
// derivative where both are equal is 0.
//   prediction, target  f32[N,...]
//   dloss               f32[N]
//   ->                  f32[N,...]
struct L1Backward : MeanLossBackward<L1Backward> {
  using Attributes = NoAttributes;
  static constexpr std::string_view prediction_name = "prediction";
  static Attributes attributes_of(const L1::Attributes&) { return {}; }

  template <class T> static T formula(const Attributes&, const T& x, const T& t) {
    using math::like;
    using math::select;
    const T zero = like(x, 0);
    const T difference = x - t;
    // What compares false both ways is 0 or NaN, and stays it.
    return select(difference > zero, like(x, 1), select(difference < zero, like(x, -1), difference));
  }
};

} // namespace kiln::ir
