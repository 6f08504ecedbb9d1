// Activations seen channel by channel: dim 1 is the channel, whatever lies behind it is one stretch in logical order.
// Shared by the ops that keep values a channel.
#pragma once

#include "ir/ops/pixels.h"

namespace kiln::ir {

// The dims of a vector of values a channel.
inline Dims expect_channels(std::string_view op, std::string_view what, const TensorType& activation) {
  expect_dtype(op, what, activation, DType::f32);
  expect_rank_between(op, what, activation, 2);
  return {activation.dims[1]};
}

// What is added to a variance before its root is taken: large enough not to vanish in f32.
inline void expect_epsilon(std::string_view op, double epsilon) {
  if (!(epsilon >= 1e-30 && epsilon <= 1e30)) refuse(op, "epsilon", "1e-30 to 1e30", fmt::to_string(epsilon));
}

inline int64_t values_per_channel(const Dims& dims) { return dims[0] * pixels_of(dims); }

// Calls visit(element, channel) for each element in logical order.
template <class Visit> void for_each_in_channels(const Dims& dims, Visit visit) {
  const int64_t inner = pixels_of(dims);
  int64_t element = 0;
  for (int64_t n = 0; n < dims[0]; ++n)
    for (int64_t c = 0; c < dims[1]; ++c)
      for (int64_t i = 0; i < inner; ++i) visit(element++, c);
}

} // namespace kiln::ir
