// LimitNorm: keeps the incoming weights of every neuron within a Euclidean norm.
// An effect: it writes the parameter, after its update, and has no result.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// limit_norm(@param): each of its rows (a dense layer's row, a convolution's filter: all dims but the first) is scaled
// to the norm if its own is larger.
//   @param  a state, f32 of rank 2 or more
//   norm    finite, above 0
struct LimitNorm {
  struct Attributes {
    double norm = 1;
    void fields(FieldVisitor& visit) { visit("norm", norm); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true, .effect = true};
};

} // namespace kiln::ir
