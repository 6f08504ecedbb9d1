// Sigmoid: the logistic function; and its gradient.
// The gradient is taken from the result.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// sigmoid(src): y = 1 / (1 + exp(-x)).
//   src  f32 of any shape
//   ->   as src
struct Sigmoid : Elementwise<Sigmoid, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::sigmoid;
    return sigmoid(x);
  }
};

// sigmoid_backward(y, dy): dx = dy * y * (1 - y).
//   y, dy  f32 of one shape
//   ->     as y
struct SigmoidBackward : Elementwise<SigmoidBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};

  template <class T> static T formula(const Attributes&, const T& y, const T& dy) {
    using math::like;
    return dy * (y * (like(y, 1) - y));
  }
};

} // namespace kiln::ir
