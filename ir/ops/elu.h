// Elu: the exponential linear unit, a rectifier that saturates at -alpha instead of ending at 0; and its gradient.
// The gradient is taken from the result, whose sign is the operand's because alpha is not negative.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// elu(src): y = x > 0 ? x : alpha * (exp(x) - 1).
//   src    f32 of any shape
//   alpha  finite, at least 0
//   ->     as src
// exp(x) - 1 = 2 t / (1 - t) with t = tanh(x / 2), which for x <= 0 subtracts nothing that is nearly equal: the result
// keeps its digits next to 0.
struct Elu : Elementwise<Elu, 1> {
  struct Attributes {
    double alpha = 1;
    void fields(FieldVisitor& visit) { visit("alpha", alpha); }
  };
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void check(const Attributes&);
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes& attributes, const T& x) {
    using math::like;
    using math::select;
    using math::tanh;
    const T t = tanh(x * like(x, 0.5));
    return select(x > like(x, 0), x, like(x, 2 * attributes.alpha) * t / (like(x, 1) - t));
  }
};

// elu_backward(y, dy): dx = y > 0 ? dy : dy * (y + alpha); the derivative at 0 is alpha.
//   y, dy  f32 of one shape
//   alpha  as elu's
//   ->     as y
struct EluBackward : Elementwise<EluBackward, 2> {
  struct Attributes {
    double alpha = 1;
    void fields(FieldVisitor& visit) { visit("alpha", alpha); }
  };
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};
  static void check(const Attributes&);

  template <class T> static T formula(const Attributes& attributes, const T& y, const T& dy) {
    using math::like;
    using math::select;
    return select(y > like(y, 0), dy, dy * (y + like(y, attributes.alpha)));
  }
};

} // namespace kiln::ir
