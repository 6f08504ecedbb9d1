// ClipByNorm: scales a gradient down where all gradients together are too long.
// Comes in after differentiation, before the update.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// clip_by_norm(src, squares): x * norm / sqrt(squares) where squares > norm^2, else x. Squares beyond what f32 holds,
// or that are no number, scale nothing: such a run has diverged, and must be seen to.
//   src      f32 of any shape
//   squares  f32[1], the sum of the squares of all gradients
//   norm     finite, above 0
//   ->       as src
struct ClipByNorm {
  struct Attributes {
    double norm = 1;
    void fields(FieldVisitor& visit) { visit("norm", norm); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
