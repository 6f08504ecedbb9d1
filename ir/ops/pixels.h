// Activations of any rank: dim 1 is the channel, and all dims behind it are pixels.
#pragma once

#include "ir/ops/expect.h"

namespace kiln::ir {

inline constexpr int64_t kMostRank = 6;

inline void expect_rank_between(std::string_view op, std::string_view what, const TensorType& got, int64_t least) {
  if (got.rank() < least || got.rank() > kMostRank)
    refuse(op, what, fmt::format("{} to {} dims", least, kMostRank), to_string(got));
}

// Values of a sample's channel.
inline int64_t pixels_of(const Dims& dims) {
  int64_t pixels = 1;
  for (size_t d = 2; d < dims.size(); ++d) pixels *= dims[d];
  return pixels;
}

} // namespace kiln::ir
