// Gelu: the Gaussian error linear unit, in its exact form; and its gradient.
// The gradient needs the operand: the result does not tell on which side of its least value it came from.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// gelu(src): y = x * P(x), P the distribution function of the normal distribution, (1 + erf(x / sqrt(2))) / 2. The
// exact form, not the one with tanh.
//   src  f32 of any shape
//   ->   as src
struct Gelu : Elementwise<Gelu, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::normal_cdf;
    return x * normal_cdf(x);
  }
};

// gelu_backward(x, dy): dx = dy * (P(x) + x * exp(-x^2 / 2) / sqrt(2 pi)).
//   x, dy  f32 of one shape
//   ->     as x
struct GeluBackward : Elementwise<GeluBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"x", "dy"};

  template <class T> static T formula(const Attributes&, const T& x, const T& dy) {
    using math::exp;
    using math::like;
    using math::normal_cdf;
    constexpr double density_at_zero = 0.39894228040143267794;
    const T density = exp(x * x * like(x, -0.5)) * like(x, density_at_zero);
    return dy * (normal_cdf(x) + x * density);
  }
};

} // namespace kiln::ir
