// Minimum: the smaller of two values, one by one; and its gradient.
// Where the two are equal, each gets half of the gradient, as in PyTorch.
#pragma once

#include "ir/ops/stretching.h"

namespace kiln::ir {

// minimum(a, b): y = a < b ? a : b; a NaN in either stays one.
//   a, b  f32 of dims that stretch to one shape (ir/ops/stretch.h)
//   ->    f32 of that shape
struct Minimum : Stretching<Minimum, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"a", "b"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& a, const T& b) {
    using math::min;
    using math::select;
    return select(a != a, a, min(a, b)); // min gives b where b is a NaN
  }
};

// minimum_backward(x, other, dy): dy where x is the smaller one, dy / 2 where both are equal, else 0; before the sum
// over what was stretched. x is the operand whose gradient it is.
//   x, other, dy  f32 of dims that stretch to one shape
//   ->            f32 of that shape
struct MinimumBackward : Stretching<MinimumBackward, 3> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 3> operand_names = {"x", "other", "dy"};

  template <class T> static T formula(const Attributes&, const T& x, const T& other, const T& dy) {
    using math::like;
    using math::select;
    return select(x < other, dy, select(x == other, dy * like(dy, 0.5), like(dy, 0)));
  }
};

} // namespace kiln::ir
