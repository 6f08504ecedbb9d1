// Lists of numbers, one a channel, as attributes of preprocess and of the ops that fold it into weights.
// What a list of which length means is said here once.
#pragma once

#include "ir/ops/expect.h"

#include <cmath>

namespace kiln::ir {

// Of a list with one value for all channels or one a channel.
inline double channel_value(const std::vector<double>& values, int64_t channel) {
  return values[values.size() == 1 ? 0 : static_cast<size_t>(channel)];
}

inline void expect_finite(std::string_view op, std::string_view what, const std::vector<double>& values) {
  for (double value : values)
    if (!std::isfinite(value)) refuse(op, what, "finite values", fmt::to_string(value));
}

inline void expect_channel_values(std::string_view op, std::string_view what, const std::vector<double>& values,
                                  int64_t channels) {
  const auto count = static_cast<int64_t>(values.size());
  if (count != 1 && count != channels)
    refuse(op, what, channels == 1 ? "1 value" : fmt::format("1 or {} values, one a channel", channels),
           fmt::to_string(count));
  expect_finite(op, what, values);
}

// Weights whose inputs carry channels: of a convolution f32[O,I,kh,kw], where dim 1 is the channel, or of a dense
// layer f32[M,K] behind a flattened [C,H,W] source, where K/C consecutive inputs belong to a channel.
struct InputChannels {
  int64_t rows;        // O or M
  int64_t inputs;      // elements of a row
  int64_t per_channel; // consecutive inputs of one channel

  InputChannels(const Dims& weights, size_t channels) : rows(weights[0]), inputs(1) {
    for (size_t d = 1; d < weights.size(); ++d) inputs *= weights[d];
    per_channel = inputs / static_cast<int64_t>(channels);
  }
  size_t channel(int64_t input) const { return static_cast<size_t>(input / per_channel); }
};

inline void expect_input_channels(std::string_view op, std::string_view what, const std::vector<double>& values,
                                  const TensorType& weights) {
  expect_dtype(op, "weights", weights, DType::f32);
  expect_rank(op, "weights", weights, {2, 4});
  const auto count = static_cast<int64_t>(values.size());
  const int64_t inputs = weights.dims[1];
  if (weights.rank() == 4 ? count != inputs : count == 0 || inputs % count != 0)
    refuse(op, what,
           weights.rank() == 4 ? fmt::format("{} values, one an input channel", inputs)
                               : fmt::format("a number of values that divides {}", inputs),
           fmt::to_string(count));
  expect_finite(op, what, values);
}

} // namespace kiln::ir
