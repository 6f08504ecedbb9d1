// Prelu: a rectifier whose slope for negative values is learnt, one a channel or one for all; and its gradients.
// They need the operand: the result's sign says nothing where a slope has become negative.
#pragma once

#include "ir/op.h"
#include "runtime/vector_math.h"

namespace kiln::ir {

// prelu(src, slope): dst[n,c,...] = x > 0 ? x : slope[c] * x, x = src[n,c,...]; slope[0] for all channels if it is one
// value.
//   src    f32[N,C,...], 2 to 6 dims
//   slope  f32[C] or f32[1]
//   ->     as src
struct Prelu {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};

  // Of an element x with its slope; for double, float and codegen's vector, as in elementwise.h.
  template <class T> static T formula(const T& x, const T& slope) {
    using math::like;
    using math::select;
    return select(x > like(x, 0), x, slope * x);
  }
};

// prelu_backward(src, slope, ddst): dsrc[n,c,...] = x > 0 ? g : slope[c] * g, g = ddst[n,c,...]; the derivative at 0 is
// the slope.
//   src    f32[N,C,...], 2 to 6 dims
//   slope  f32[C] or f32[1]
//   ddst   as src
//   ->     as src
struct PreluBackward {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};

  template <class T> static T formula(const T& x, const T& slope, const T& g) {
    using math::like;
    using math::select;
    return select(x > like(x, 0), g, slope * g);
  }
};

// prelu_backward_slope(src, ddst): dslope[c] = sum over n, h, w of (x > 0 ? 0 : x * g); over c too if the slope is
// shared.
//   src     f32[N,C,...], 2 to 6 dims
//   ddst    as src
//   shared  whether all channels have one slope
//   ->      f32[C], or f32[1] if shared
struct PreluBackwardSlope {
  struct Attributes {
    bool shared = false;
    void fields(FieldVisitor& visit) { visit("shared", shared); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};

  // What one element adds.
  template <class T> static T formula(const T& x, const T& g) {
    using math::like;
    using math::select;
    return select(x > like(x, 0), like(x, 0), x * g);
  }
};

} // namespace kiln::ir
