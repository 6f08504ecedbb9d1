// LeakyRelu: a rectifier that lets a share of negative values through; and its gradient.
// The gradient is taken from the result, whose sign is the operand's because the slope is not negative.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// leaky_relu(src): y = x > 0 ? x : slope * x.
//   src    f32 of any shape
//   slope  finite, at least 0
//   ->     as src
struct LeakyRelu : Elementwise<LeakyRelu, 1> {
  struct Attributes {
    double slope = 0.01;
    void fields(FieldVisitor& visit) { visit("slope", slope); }
  };
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void check(const Attributes&);
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes& attributes, const T& x) {
    using math::like;
    using math::select;
    return select(x > like(x, 0), x, x * like(x, attributes.slope));
  }
};

// leaky_relu_backward(y, dy): dx = y > 0 ? dy : slope * dy; the derivative at 0 is slope.
//   y, dy  f32 of one shape
//   slope  as leaky_relu's
//   ->     as y
struct LeakyReluBackward : Elementwise<LeakyReluBackward, 2> {
  struct Attributes {
    double slope = 0.01;
    void fields(FieldVisitor& visit) { visit("slope", slope); }
  };
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};
  static void check(const Attributes&);

  template <class T> static T formula(const Attributes& attributes, const T& y, const T& dy) {
    using math::like;
    using math::select;
    return select(y > like(y, 0), dy, dy * like(dy, attributes.slope));
  }
};

} // namespace kiln::ir
