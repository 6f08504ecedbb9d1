// Clip: keeps values between two bounds (relu6: 0 and 6); and its gradient.
// The gradient is taken from the result, which lies strictly between the bounds where the operand does.
#pragma once

#include "ir/ops/elementwise.h"

#include <limits>

namespace kiln::ir {

// clip(src): y = min(max(x, min), max), bounds rounded to f32; a NaN stays one.
//   src  f32 of any shape
//   min  less than max; -inf: no bound
//   max  inf: no bound
//   ->   as src
struct Clip : Elementwise<Clip, 1> {
  struct Attributes {
    double min = -std::numeric_limits<double>::infinity();
    double max = std::numeric_limits<double>::infinity();
    void fields(FieldVisitor& visit) {
      visit("min", min);
      visit("max", max);
    }
  };
  static constexpr std::array<std::string_view, 1> operand_names = {"src"};
  static void check(const Attributes&);
  static void gradient(GradientBuilder&, const Node&);

  template <class T> static T formula(const Attributes& attributes, const T& x) {
    using math::like;
    using math::select;
    const T low = like(x, static_cast<float>(attributes.min));
    const T high = like(x, static_cast<float>(attributes.max));
    return select(x < low, low, select(x > high, high, x));
  }
};

// clip_backward(y, dy): dx = min < y < max ? dy : 0; the derivative on a bound is 0.
//   y, dy     f32 of one shape
//   min, max  as clip's
//   ->        as y
struct ClipBackward : Elementwise<ClipBackward, 2> {
  struct Attributes {
    double min = -std::numeric_limits<double>::infinity();
    double max = std::numeric_limits<double>::infinity();
    void fields(FieldVisitor& visit) {
      visit("min", min);
      visit("max", max);
    }
  };
  static constexpr std::array<std::string_view, 2> operand_names = {"y", "dy"};
  static void check(const Attributes&);

  template <class T> static T formula(const Attributes& attributes, const T& y, const T& dy) {
    using math::like;
    using math::select;
    const T zero = like(dy, 0);
    const T inside = select(y < like(y, static_cast<float>(attributes.max)), dy, zero);
    return select(y > like(y, static_cast<float>(attributes.min)), inside, zero);
  }
};

} // namespace kiln::ir
