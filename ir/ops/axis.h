// A tensor seen along one of its dims: so many stretches outside of it, so many elements inside. In logical order.
#pragma once

#include "ir/op.h"

#include <string_view>

namespace kiln::ir {

struct AxisView {
  int64_t outer = 1;
  int64_t size = 1;
  int64_t inner = 1;

  AxisView(const Dims& dims, int64_t axis);
  // The element at position i of the axis.
  int64_t at(int64_t o, int64_t i, int64_t in) const { return (o * size + i) * inner + in; }
};

// Calls visit(o, in) for every line along the axis.
template <class Visit> void for_each_line(const AxisView& view, Visit visit) {
  for (int64_t o = 0; o < view.outer; ++o)
    for (int64_t in = 0; in < view.inner; ++in) visit(o, in);
}

void expect_axis(std::string_view op, int64_t axis, const TensorType& operand);

// The shape rules of an op along an axis, of one f32 operand to one like it (softmax, log_softmax): src -> as src.
std::vector<TensorType> infer_along_axis(std::string_view op, int64_t axis, Operands operands);
// And of its gradient: y, dy alike -> as y.
std::vector<TensorType> infer_along_axis_backward(std::string_view op, int64_t axis, Operands operands);

} // namespace kiln::ir
