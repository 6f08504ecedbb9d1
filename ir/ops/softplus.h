// Softplus: a smooth rectifier; and its gradient.
// The gradient is taken from the result.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// softplus(src): y = log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)), which neither overflows nor loses small
// results.
//   src  f32 of any shape
//   ->   as src
struct Softplus : Elementwise<Softplus, 1> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes&, const T& x) {
    using math::abs;
    using math::exp;
    using math::like;
    using math::log1p;
    using math::max;
    return max(like(x, 0), x) + log1p(exp(like(x, 0) - abs(x)));
  }
};

// softplus_backward(y, dy): dx = dy * (1 - exp(-y)), which is dy * sigmoid(x).
//   y, dy  f32 of one shape
//   ->     as y
struct SoftplusBackward : Elementwise<SoftplusBackward, 2> {
  using Attributes = NoAttributes;
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};

  template <class T> static T formula(const Attributes&, const T& y, const T& dy) {
    using math::expm1;
    using math::like;
    return dy * (like(y, 0) - expm1(like(y, 0) - y));
  }
};

} // namespace kiln::ir
