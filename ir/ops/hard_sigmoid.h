// HardSigmoid: the sigmoid in straight lines; and its gradient.
// The gradient is taken from the result, which lies strictly between 0 and 1 where the line slopes.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// hard_sigmoid(src): y = min(max(alpha * x + beta, 0), 1); a NaN stays one. The defaults, x / 6 + 1/2, are PyTorch's
// and those of ONNX's HardSwish; ONNX's HardSigmoid has alpha = 0.2 by default.
//   src    f32 of any shape
//   alpha  finite, above 0
//   beta   finite
//   ->     as src
struct HardSigmoid : Elementwise<HardSigmoid, 1> {
  struct Attributes {
    double alpha = 1.0 / 6;
    double beta = 0.5;
    void fields(FieldVisitor& visit) {
      visit("alpha", alpha);
      visit("beta", beta);
    }
  };
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void check(const Attributes&);
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes& attributes, const T& x) {
    using math::like;
    using math::select;
    const T zero = like(x, 0);
    const T one = like(x, 1);
    const T line = x * like(x, attributes.alpha) + like(x, attributes.beta);
    return select(line < zero, zero, select(line > one, one, line));
  }
};

// hard_sigmoid_backward(y, dy): dx = 0 < y < 1 ? alpha * dy : 0.
//   y, dy        f32 of one shape
//   alpha, beta  as hard_sigmoid's
//   ->           as y
struct HardSigmoidBackward : Elementwise<HardSigmoidBackward, 2> {
  struct Attributes {
    double alpha = 1.0 / 6;
    double beta = 0.5;
    void fields(FieldVisitor& visit) {
      visit("alpha", alpha);
      visit("beta", beta);
    }
  };
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};
  static void check(const Attributes&);

  template <class T> static T formula(const Attributes& attributes, const T& y, const T& dy) {
    using math::like;
    using math::select;
    const T zero = like(dy, 0);
    const T inside = select(y < like(y, 1), dy * like(dy, attributes.alpha), zero);
    return select(y > like(y, 0), inside, zero);
  }
};

} // namespace kiln::ir
