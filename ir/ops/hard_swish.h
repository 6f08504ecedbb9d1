// HardSwish: silu in straight lines; and its gradient.
// The gradient needs the operand: the result does not tell on which side of its least value it came from.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// hard_swish(src): y = x * min(max(x / 6 + 1/2, 0), 1), as ONNX and PyTorch mean it; a NaN stays one.
//   src  f32 of any shape
//   ->   as src
struct HardSwish : Elementwise<HardSwish, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::like;
    using math::select;
    const T inside = x * (x * like(x, 1.0 / 6) + like(x, 0.5));
    return select(x < like(x, -3), like(x, 0), select(x > like(x, 3), x, inside));
  }
};

// hard_swish_backward(x, dy): dx = dy * (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 1/2).
//   x, dy  f32 of one shape
//   ->     as x
struct HardSwishBackward : Elementwise<HardSwishBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"x", "dy"};

  template <class T> static T formula(const Attributes&, const T& x, const T& dy) {
    using math::like;
    using math::select;
    const T inside = select(x < like(x, 3), x * like(x, 1.0 / 3) + like(x, 0.5), like(x, 1));
    return dy * select(x > like(x, -3), inside, like(x, 0));
  }
};

} // namespace kiln::ir
