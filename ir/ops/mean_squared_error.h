// Mean squared error: the loss of a regression, a value per sample; and its gradient.
// The mean over a sample's values, so that reduce_mean of it is the mean over all.
#pragma once

#include "ir/ops/mean_loss.h"

namespace kiln::ir {

struct MeanSquaredErrorBackward;

// mean_squared_error(prediction, target): loss[n] = mean over c of (prediction[n,c] - target[n,c])^2.
//   prediction  f32[N,...]
//   target      f32[N,...]; no gradient flows to it
//   ->          f32[N]
struct MeanSquaredError : MeanLoss<MeanSquaredError, MeanSquaredErrorBackward> {
  using Attributes = NoAttributes;
  static constexpr std::string_view prediction_name = "prediction";

  template <class T> static T formula(const Attributes&, const T& x, const T& t) { return (x - t) * (x - t); }
};

// mean_squared_error_backward(prediction, target, dloss):
//   dprediction[n,c] = 2 (prediction[n,c] - target[n,c]) * dloss[n] / C, C the values of a sample.
//   prediction, target  f32[N,...]
//   dloss               f32[N]
//   ->                  f32[N,...]
struct MeanSquaredErrorBackward : MeanLossBackward<MeanSquaredErrorBackward> {
  using Attributes = NoAttributes;
  static constexpr std::string_view prediction_name = "prediction";
  static Attributes attributes_of(const MeanSquaredError::Attributes&) { return {}; }

  template <class T> static T formula(const Attributes&, const T& x, const T& t) {
    const T difference = x - t;
    return difference + difference;
  }
};

} // namespace kiln::ir
