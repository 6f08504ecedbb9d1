// Sqrt: the square root; and its gradient.
// Of a negative number it is a NaN. The gradient at 0 is infinite.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// sqrt(src): y = x^(1/2).
//   src  f32 of any shape
//   ->   as src
struct Sqrt : Elementwise<Sqrt, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::sqrt;
    return sqrt(x);
  }
};

// sqrt_backward(y, dy): dx = dy / (2 y).
//   y, dy  f32 of one shape
//   ->     as y
struct SqrtBackward : Elementwise<SqrtBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};

  template <class T> static T formula(const Attributes&, const T& y, const T& dy) { return dy / (y + y); }
};

} // namespace kiln::ir
