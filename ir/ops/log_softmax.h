// Log-softmax: the logarithm of the softmax over the classes of each sample; and its gradient.
// Not the logarithm of softmax's result, which would lose what is left of small probabilities.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// log_softmax(src): dst[n,c] = (src[n,c] - m[n]) - log(sum over k of exp(src[n,k] - m[n])), m[n] = max over k of
// src[n,k].
//   src  f32[N,C]
//   ->   f32[N,C]
struct LogSoftmax {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
};

// log_softmax_backward(y, dy): dsrc[n,c] = dy[n,c] - exp(y[n,c]) * sum over k of dy[n,k]; y is log_softmax's result.
//   y, dy  f32[N,C]
//   ->     f32[N,C]
struct LogSoftmaxBackward {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
};

} // namespace kiln::ir
