// ReduceSum: sums over stated axes.
// The gradient of what was stretched ends in one.
#pragma once

#include "ir/ops/reduce.h"

namespace kiln::ir {

// reduce_sum(src): dst[kept] = sum of src over all positions along the axes.
//   src        f32 of any shape
//   axes       dims that are summed over, rising; none: all
//   keep_dims  whether they stay, as 1
//   ->         f32[dims that are left], f32[1] if none is
// Gradient: the result's, stretched.
struct ReduceSum {
  using Attributes = ReduceAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
