// Reciprocal: one over the value; and its gradient.
// Of 0 it is infinite.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// reciprocal(src): y = 1 / x.
//   src  f32 of any shape
//   ->   as src
struct Reciprocal : Elementwise<Reciprocal, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::like;
    return like(x, 1) / x;
  }
};

// reciprocal_backward(y, dy): dx = -(dy y y).
//   y, dy  f32 of one shape
//   ->     as y
struct ReciprocalBackward : Elementwise<ReciprocalBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};

  template <class T> static T formula(const Attributes&, const T& y, const T& dy) { return -(dy * y * y); }
};

} // namespace kiln::ir
