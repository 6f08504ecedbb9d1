// Argmax: the class that a classifier chooses, at each position.
// It chooses as top_k counts.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// argmax(logits): dst[n,...] = the first c with the largest logits[n,c,...]; -1 where one of them is NaN.
//   logits  f32[N,C,...]
//   ->      i32[N,...]
// Not differentiable.
struct Argmax {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
};

} // namespace kiln::ir
