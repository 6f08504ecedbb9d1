// Add: the sum of two tensors of one shape.
// Residual connections, and the sum of the gradients of a value that is used more than once.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// add(a, b): y = a + b. The gradient of the result is that of both operands.
//   a, b  f32 of one shape
//   ->    as a
struct Add : Elementwise<Add, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"a", "b"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& a, const T& b) { return a + b; }
};

} // namespace kiln::ir
