// ReduceMean: the mean of all elements, which makes a batch's loss of its samples' losses; and its gradient.
// One number out, so that it is where a backward pass starts.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// reduce_mean(src): dst[0] = (sum of all elements of src) / (number of elements).
//   src  f32 of any shape
//   ->   f32[1]
struct ReduceMean {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
};

// reduce_mean_backward(dy): every element = dy[0] / (number of elements).
//   dy    f32[1]
//   dims  of the result, as reduce_mean's operand had them
//   ->    f32[dims]
struct ReduceMeanBackward {
  struct Attributes {
    Dims dims = {1};
    void fields(FieldVisitor& visit) { visit("dims", dims); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
};

} // namespace kiln::ir
