// Concat: tensors behind each other along one of their dims.
// Its gradient is a slice of the result's for each operand.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// concat(src0, src1, ...): dst[.., A0 + ... + A(i-1) + a, ..] = src_i[.., a, ..], a along the axis.
//   src_i  f32 of any shape; at least two, alike but for Ai, their size along the axis
//   axis   the dim
//   ->     as src0, along the axis the sum of all Ai
struct Concat {
  struct Attributes {
    int64_t axis = 1;
    void fields(FieldVisitor& visit) { visit("axis", axis); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
