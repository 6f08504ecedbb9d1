// Concat: tensors behind each other along the channels.
// Its gradient is a slice of the result's for each operand.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// concat(src0, src1, ...): dst[n, C0 + ... + C(i-1) + c, ...] = src_i[n, c, ...].
//   src_i  f32[N,Ci] or f32[N,Ci,H,W]; at least two, alike but for Ci
//   ->     f32[N,C] or f32[N,C,H,W], C the sum of all Ci
struct Concat {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
