// Log-softmax: the logarithm of the softmax along an axis; and its gradient.
// Not the logarithm of softmax's result, which would lose what is left of small probabilities.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// log_softmax(src): dst[..,c,..] = (src[..,c,..] - m) - log(sum over k of exp(src[..,k,..] - m)), m = max over k of
// src[..,k,..].
//   src   f32 of any shape
//   axis  the dim that c and k count
//   ->    as src
struct LogSoftmax {
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

// log_softmax_backward(y, dy): dsrc[..,c,..] = dy[..,c,..] - exp(y[..,c,..]) * sum over k of dy[..,k,..]; y is
// log_softmax's result.
//   y, dy  f32 of one shape
//   axis   as log_softmax's
//   ->     as y
struct LogSoftmaxBackward {
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
