// Reductions over stated axes: what reduce_sum and reduce_mean share.
// An axis is a dim by its number. Without keep_dims the axes vanish from the result; where none is left it is f32[1].
#pragma once

#include "ir/op.h"

#include <string_view>

namespace kiln::ir {

struct ReduceAttributes {
  Dims axes; // rising; none: all
  bool keep_dims = false;
  void fields(FieldVisitor& visit) {
    visit("axes", axes);
    visit("keep_dims", keep_dims);
  }
};

bool reduces(const ReduceAttributes& attributes, size_t dim);

// The dims with a 1 at every axis that is summed over.
Dims kept_dims(const ReduceAttributes& attributes, const Dims& src);

std::vector<TensorType> infer_reduction(std::string_view op, const ReduceAttributes& attributes, Operands operands);

// Adds every element of src to the element of dst that it is reduced to, in logical order.
void sum_over_axes(const ReduceAttributes& attributes, const Tensor& src, Tensor& dst);

// The gradient of a reduction's result with dims that stretch to those of its operand.
Value& stretchable_gradient(GradientBuilder& builder, const Node& node, const ReduceAttributes& attributes);

} // namespace kiln::ir
