// Reshape: the same elements in the same logical order under other dims. Flattening is a reshape to two dims.
// In a plain layout it moves nothing: the result shares the operand's bytes.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// reshape(src): element i of the result, counted row-major in logical order, is element i of src.
//   src   any type
//   dims  of the result; as many elements as src has
//   ->    src's dtype, [dims]
struct Reshape {
  struct Attributes {
    Dims dims = {1};
    void fields(FieldVisitor& visit) { visit("dims", dims); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static constexpr Traits traits = {.alias = true};
};

} // namespace kiln::ir
