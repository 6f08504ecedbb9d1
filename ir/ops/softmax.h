// Softmax along an axis: over the classes of each sample, or of each pixel; and its gradient.
// What predict ends in; training goes through softmax_cross_entropy instead.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// softmax(src): dst[..,c,..] = exp(src[..,c,..] - m) / sum over k of exp(src[..,k,..] - m), m = max over k of
// src[..,k,..].
//   src   f32 of any shape
//   axis  the dim that c and k count
//   ->    as src
struct Softmax {
  struct Attributes {
    int64_t axis = 1;
    void fields(FieldVisitor& visit) { visit("axis", axis); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

// softmax_backward(y, dy): dsrc[..,c,..] = y[..,c,..] * (dy[..,c,..] - sum over k of y[..,k,..] dy[..,k,..]); y is
// softmax's result.
//   y, dy  f32 of one shape
//   axis   as softmax's
//   ->     as y
struct SoftmaxBackward {
  struct Attributes {
    int64_t axis = 1;
    void fields(FieldVisitor& visit) { visit("axis", axis); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
