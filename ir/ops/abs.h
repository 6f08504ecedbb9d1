// Abs: the value without its sign; and its gradient.
// The derivative at 0 is 0, as in PyTorch.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// abs(src): y = |x|.
//   src  f32 of any shape
//   ->   as src
struct Abs : Elementwise<Abs, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::abs;
    return abs(x);
  }
};

// abs_backward(x, dy): dx = dy where x > 0, -dy where x < 0, else 0.
//   x, dy  f32 of one shape
//   ->     as x
struct AbsBackward : Elementwise<AbsBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"x", "dy"};

  template <class T> static T formula(const Attributes&, const T& x, const T& dy) {
    using math::like;
    using math::select;
    const T zero = like(x, 0);
    return select(x > zero, dy, select(x < zero, -dy, zero));
  }
};

} // namespace kiln::ir
