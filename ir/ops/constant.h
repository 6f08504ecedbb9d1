// Constant: a tensor filled with one value, e.g. the gradient of the loss with respect to itself.
// Data with more to say is a state of role `constant`.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// constant(): every element = value.
//   value  rounded to f32
//   dims   of the result
//   ->     f32[dims]
struct Constant {
  struct Attributes {
    double value = 1;
    Dims dims = {1};
    void fields(FieldVisitor& visit) {
      visit("value", value);
      visit("dims", dims);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
};

} // namespace kiln::ir
