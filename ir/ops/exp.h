// Exp: the exponential.
// Its gradient is a product with its result.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// exp(src): y = e^x. dx = dy y.
//   src  f32 of any shape
//   ->   as src
struct Exp : Elementwise<Exp, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::exp;
    return exp(x);
  }
};

} // namespace kiln::ir
