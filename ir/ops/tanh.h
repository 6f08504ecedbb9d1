// Tanh: the hyperbolic tangent; and its gradient.
// The gradient is taken from the result.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// tanh(src): y = tanh(x).
//   src  f32 of any shape
//   ->   as src
struct Tanh : Elementwise<Tanh, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::tanh;
    return tanh(x);
  }
};

// tanh_backward(y, dy): dx = dy * (1 - y) * (1 + y), which keeps its digits where y is near 1 or -1.
//   y, dy  f32 of one shape
//   ->     as y
struct TanhBackward : Elementwise<TanhBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};

  template <class T> static T formula(const Attributes&, const T& y, const T& dy) {
    using math::like;
    return dy * ((like(y, 1) - y) * (like(y, 1) + y));
  }
};

} // namespace kiln::ir
