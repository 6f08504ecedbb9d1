// Penalty: what weights add to what is minimised; and the sum of squares that clipping gradients goes by.
// Comes in after differentiation: the gradient of a penalty is added by regularize_gradient.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// penalty(src): the sum over all elements of l1 |x| + l2 / 2 x^2.
//   src     f32 of any shape
//   l1, l2  finite, at least 0
//   ->      f32[1]
struct Penalty {
  struct Attributes {
    double l1 = 0;
    double l2 = 0;
    void fields(FieldVisitor& visit) {
      visit("l1", l1);
      visit("l2", l2);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
