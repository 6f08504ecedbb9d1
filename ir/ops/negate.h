// Negate: the value with its sign turned.
// What a difference does to the gradient of what is subtracted.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// negate(src): y = -x.
//   src  f32 of any shape
//   ->   as src
struct Negate : Elementwise<Negate, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) { return -x; }
};

} // namespace kiln::ir
