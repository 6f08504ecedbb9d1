// Relu: the rectifier; and its gradient.
// The gradient is taken from the result, so that relu may overwrite its operand and no mask is kept.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// relu(src): y = max(x, 0); NaN stays NaN.
//   src  f32 of any shape
//   ->   as src
struct Relu : Elementwise<Relu, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::like;
    using math::max;
    return max(like(x, 0), x); // in this order NaN comes through
  }
};

// relu_backward(y, dy): dx = y > 0 ? dy : 0; the derivative at 0 is 0.
//   y, dy  f32 of one shape
//   ->     as y
struct ReluBackward : Elementwise<ReluBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};

  template <class T> static T formula(const Attributes&, const T& y, const T& dy) {
    using math::like;
    using math::select;
    return select(y > like(y, 0), dy, like(dy, 0));
  }
};

} // namespace kiln::ir
