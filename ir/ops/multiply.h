// Multiply: the product of two tensors.
// Gates, as of squeeze-and-excite: f32[N,C,1,1] stretches over f32[N,C,H,W].
#pragma once

#include "ir/ops/stretching.h"

namespace kiln::ir {

// multiply(a, b): y = a b.
//   a, b  f32 of dims that stretch to one shape (ir/ops/stretch.h)
//   ->    f32 of that shape
// da = dy b and db = dy a, summed over what was stretched.
struct Multiply : Stretching<Multiply, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"a", "b"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& a, const T& b) { return a * b; }
};

} // namespace kiln::ir
