// Transpose: the dims in another order.
// Its gradient is the transpose back.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// transpose(src): dst[i(0), i(1), ...] = src[...], where dim d of dst is dim order[d] of src.
//   src    f32 of any shape
//   order  each dim of src once
//   ->     f32[src's dims in that order]
struct Transpose {
  struct Attributes {
    Dims order;
    void fields(FieldVisitor& visit) { visit("order", order); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
};

} // namespace kiln::ir
