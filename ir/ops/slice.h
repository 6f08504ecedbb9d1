// Slice: some channels of a tensor.
// Its gradient is the result's between zeros.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// slice(src): dst[n, c, ...] = src[n, begin + c, ...].
//   src    f32[N,C] or f32[N,C,H,W]
//   begin  first channel
//   count  channels, at least 1; begin + count <= C
//   ->     f32[N,count] or f32[N,count,H,W]
struct Slice {
  struct Attributes {
    int64_t begin = 0;
    int64_t count = 1;
    void fields(FieldVisitor& visit) {
      visit("begin", begin);
      visit("count", count);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
