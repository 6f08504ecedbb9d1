// Slice: some positions along one dim of a tensor, in steps; and its gradient.
// Of neighbouring positions the gradient is the result's between zeros.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// slice(src): dst[.., i, ..] = src[.., begin + i step, ..], i along the axis.
//   src    f32 of any shape
//   axis   the dim
//   begin  first position
//   count  positions, at least 1
//   step   not 0; a negative one goes backwards
//   ->     as src, `count` along the axis
struct Slice {
  struct Attributes {
    int64_t begin = 0;
    int64_t count = 1;
    int64_t axis = 1;
    int64_t step = 1;
    void fields(FieldVisitor& visit) {
      visit("axis", axis);
      visit("begin", begin);
      visit("count", count);
      visit("step", step);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

// slice_backward(dy): dsrc[.., begin + i step, ..] = dy[.., i, ..], zero elsewhere.
//   dy     f32 of any shape
//   axis, begin, step  as slice's
//   size   of the result along the axis
//   ->     as dy, `size` along the axis
struct SliceBackward {
  struct Attributes {
    int64_t axis = 1;
    int64_t begin = 0;
    int64_t step = 1;
    int64_t size = 1;
    void fields(FieldVisitor& visit) {
      visit("axis", axis);
      visit("begin", begin);
      visit("step", step);
      visit("size", size);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
