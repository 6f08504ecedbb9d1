// Add: the sum of two tensors.
// Residual connections, and the sum of the gradients of a value that is used more than once.
#pragma once

#include "ir/ops/stretching.h"

namespace kiln::ir {

// add(a, b): y = a + b. The gradient of the result is that of both operands, summed over what was stretched.
//   a, b  f32 of dims that stretch to one shape (ir/ops/stretch.h)
//   ->    f32 of that shape
struct Add : Stretching<Add, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"a", "b"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& a, const T& b) { return a + b; }
};

} // namespace kiln::ir
