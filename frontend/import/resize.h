// From the conventions of resizing to the line that the op resize states.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

// A factor in whole numbers, each at most 2^20.
struct Ratio {
  int64_t numerator = 1;
  int64_t denominator = 1;
};

// The simplest ratio that is as near to a factor as its digits tell (7, as of a float); none if it is beyond 2^20 or
// its inverse.
std::optional<Ratio> ratio_of(double factor);

// The line of one side (ir::Resize::Attributes): `factor` is that of the coordinates, output / input unless another one
// was given. `nearest` is ignored by bilinear.
std::array<int64_t, 3> resize_line(proto::ResizeLayer::Coordinates coordinates, proto::ResizeLayer::Method method,
                                   proto::ResizeLayer::Nearest nearest, int64_t input, int64_t output,
                                   const Ratio& factor);

} // namespace kiln::frontend
