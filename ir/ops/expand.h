// Expand: a tensor stretched to stated dims.
// Its gradient is the sum over what was stretched; it is that of reduce_sum.
#pragma once

#include "ir/op.h"

#include <string_view>

namespace kiln::ir {

// expand(src): dst = src, again and again along each dim where src has a 1 or no dim.
//   src   f32 of dims that stretch to [dims] (ir/ops/stretch.h)
//   dims  of the result
//   ->    f32[dims]
struct Expand {
  struct Attributes {
    Dims dims = {1};
    void fields(FieldVisitor& visit) { visit("dims", dims); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

// The shape rule of an op whose one operand stretches to dims that an attribute gives.
std::vector<TensorType> infer_expansion(std::string_view op, std::string_view operand, const Dims& dims,
                                        Operands operands);

} // namespace kiln::ir
