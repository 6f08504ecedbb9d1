// Divide: the quotient of two tensors; and its gradient for the divisor.
// IEEE's rules: x / 0 is infinite, 0 / 0 a NaN.
#pragma once

#include "ir/ops/stretching.h"

namespace kiln::ir {

// divide(a, b): y = a / b.
//   a, b  f32 of dims that stretch to one shape (ir/ops/stretch.h)
//   ->    f32 of that shape
// da = dy / b and db = -dy y / b, summed over what was stretched.
struct Divide : Stretching<Divide, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"a", "b"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& a, const T& b) { return a / b; }
};

// divide_backward_divisor(y, b, dy): -(dy (y / b)), before the sum; y is divide's result.
//   y, b, dy  f32 of dims that stretch to one shape
//   ->        f32 of that shape
struct DivideBackwardDivisor : Stretching<DivideBackwardDivisor, 3> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 3> operand_names = {"y", "b", "dy"};

  template <class T> static T formula(const Attributes&, const T& y, const T& b, const T& dy) {
    return -(dy * (y / b));
  }
};

} // namespace kiln::ir
