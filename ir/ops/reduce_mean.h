// ReduceMean: means over stated axes; over all of them it makes a batch's loss of its samples' losses. And its
// gradient. A loss of one number is where a backward pass starts.
#pragma once

#include "ir/ops/reduce.h"

namespace kiln::ir {

// reduce_mean(src): dst[kept] = (sum of src over all positions along the axes) / (number of those positions).
//   src        f32 of any shape
//   axes       dims that are averaged over, rising; none: all
//   keep_dims  whether they stay, as 1
//   ->         f32[dims that are left], f32[1] if none is
struct ReduceMean {
  using Attributes = ReduceAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

// reduce_mean_backward(dy): dy stretched to dims, over the number of elements that share one of dy's.
//   dy    f32 of dims that stretch to [dims] (ir/ops/stretch.h)
//   dims  of the result, as reduce_mean's operand had them
//   ->    f32[dims]
struct ReduceMeanBackward {
  struct Attributes {
    Dims dims = {1};
    void fields(FieldVisitor& visit) { visit("dims", dims); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
