// Softmax over the classes of each sample; and its gradient.
// What predict ends in; training goes through softmax_cross_entropy instead.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// softmax(src): dst[n,c] = exp(src[n,c] - m[n]) / sum over k of exp(src[n,k] - m[n]), m[n] = max over k of src[n,k].
//   src  f32[N,C]
//   ->   f32[N,C]
struct Softmax {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
};

// softmax_backward(y, dy): dsrc[n,c] = y[n,c] * (dy[n,c] - sum over k of y[n,k] dy[n,k]); y is softmax's result.
//   y, dy  f32[N,C]
//   ->     f32[N,C]
struct SoftmaxBackward {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
};

} // namespace kiln::ir
