// Silu: the sigmoid-weighted linear unit, also called swish; and its gradient.
// The gradient needs the operand: the result does not tell on which side of its least value it came from.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// silu(src): y = x * sigmoid(x).
//   src  f32 of any shape
//   ->   as src
struct Silu : Elementwise<Silu, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::sigmoid;
    return x * sigmoid(x);
  }
};

// silu_backward(x, dy): dx = dy * sigmoid(x) * (1 + x * sigmoid(-x)), where 1 - sigmoid(x) would lose the digits that a
// large x multiplies.
//   x, dy  f32 of one shape
//   ->     as x
struct SiluBackward : Elementwise<SiluBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"x", "dy"};

  template <class T> static T formula(const Attributes&, const T& x, const T& dy) {
    using math::like;
    using math::sigmoid;
    return dy * (sigmoid(x) * (like(x, 1) + x * sigmoid(like(x, 0) - x)));
  }
};

} // namespace kiln::ir
