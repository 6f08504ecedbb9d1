// Rrelu: a rectifier whose slope for negative values is drawn anew for every element. Training only; and its gradient.
// The gradient draws the same slopes again, and is taken from the result, whose sign is the operand's.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

enum class RreluMode : uint8_t {
  reciprocal, // slopes are 1 / U(lower, upper); at test 2 / (lower + upper)
  uniform,    // slopes are U(lower, upper); at test (lower + upper) / 2
};
inline constexpr std::array<std::string_view, 2> kRreluModes = {"reciprocal", "uniform"};

// rrelu(src): y[e] = x > 0 ? x : slope[e] * x, slope[e] = 1 / a or a as mode says, a = lower + u[e] * (upper - lower).
//   src           f32[N,C,...], 2 to 6 dims
//   lower, upper  bounds of what is drawn, finite, 0 < lower <= upper
//   mode          reciprocal or uniform
//   stream        id of the layer's random stream
//   ->            as src
// u[e] is drawn as dropout's. Outside of training fix_rrelu_slope puts leaky_relu with test_slope in its place. The
// defaults are those of the paper that the mode comes from; uniform with 1/8 and 1/3 is PyTorch's.
struct Rrelu {
  struct Attributes {
    double lower = 3;
    double upper = 8;
    RreluMode mode = RreluMode::reciprocal;
    StreamId stream{};
    void fields(FieldVisitor& visit) {
      visit("lower", lower);
      visit("upper", upper);
      enum_field(visit, "mode", kRreluModes, mode);
      visit("stream", stream);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true, .random = true};

  // What stands in for the draws where nothing is drawn. Of the reciprocal this is not the mean slope, which is
  // log(upper / lower) / (upper - lower): it is the rule of the paper.
  static double test_slope(const Attributes& attributes) {
    const double middle = (attributes.lower + attributes.upper) / 2;
    return attributes.mode == RreluMode::reciprocal ? 1 / middle : middle;
  }

  // Of a uniform draw u; for double, float and codegen's vector, as in elementwise.h.
  template <class A, class T> static T slope(const A& attributes, const T& u) {
    using math::like;
    const T drawn = u * like(u, attributes.upper - attributes.lower) + like(u, attributes.lower);
    return attributes.mode == RreluMode::reciprocal ? like(u, 1) / drawn : drawn;
  }
  template <class T> static T formula(const Attributes& attributes, const T& x, const T& u) {
    using math::like;
    using math::select;
    return select(x > like(x, 0), x, x * slope(attributes, u));
  }
};

// rrelu_backward(y, dy): dx[e] = y > 0 ? dy : slope[e] * dy, with the slopes that rrelu of the same attributes draws in
// that step; the derivative at 0 is the slope.
//   y, dy  f32[N,C,...], 2 to 6 dims
//   lower, upper, mode, stream  as rrelu's
//   ->     as y
struct RreluBackward {
  struct Attributes {
    double lower = 3;
    double upper = 8;
    RreluMode mode = RreluMode::reciprocal;
    StreamId stream{};
    void fields(FieldVisitor& visit) {
      visit("lower", lower);
      visit("upper", upper);
      enum_field(visit, "mode", kRreluModes, mode);
      visit("stream", stream);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true, .random = true};

  template <class T> static T formula(const Attributes& attributes, const T& y, const T& dy, const T& u) {
    using math::like;
    using math::select;
    return select(y > like(y, 0), dy, dy * Rrelu::slope(attributes, u));
  }
};

} // namespace kiln::ir
