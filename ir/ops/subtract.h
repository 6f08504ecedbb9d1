// Subtract: the difference of two tensors.
// Its gradient is the result's, and the negative of it.
#pragma once

#include "ir/ops/stretching.h"

namespace kiln::ir {

// subtract(a, b): y = a - b.
//   a, b  f32 of dims that stretch to one shape (ir/ops/stretch.h)
//   ->    f32 of that shape
struct Subtract : Stretching<Subtract, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"a", "b"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& a, const T& b) { return a - b; }
};

} // namespace kiln::ir
