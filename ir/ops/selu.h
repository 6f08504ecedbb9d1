// Selu: the scaled exponential linear unit, which keeps mean 0 and variance 1 from layer to layer; and its gradient.
// The gradient is taken from the result.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// For these alone mean 0 and variance 1 are a fixed point.
inline constexpr double kSeluScale = 1.0507009873554804934;
inline constexpr double kSeluAlpha = 1.6732632423543772848;

// selu(src): y = scale * (x > 0 ? x : alpha * (exp(x) - 1)), scale = 1.0507..., alpha = 1.6732...
//   src  f32 of any shape
//   ->   as src
struct Selu : Elementwise<Selu, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::expm1;
    using math::like;
    using math::select;
    return select(x > like(x, 0), x * like(x, kSeluScale), expm1(x) * like(x, kSeluScale * kSeluAlpha));
  }
};

// selu_backward(y, dy): dx = dy * (y > 0 ? scale : y + scale * alpha).
//   y, dy  f32 of one shape
//   ->     as y
struct SeluBackward : Elementwise<SeluBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};

  template <class T> static T formula(const Attributes&, const T& y, const T& dy) {
    using math::like;
    using math::select;
    return dy * select(y > like(y, 0), like(y, kSeluScale), y + like(y, kSeluScale * kSeluAlpha));
  }
};

} // namespace kiln::ir
