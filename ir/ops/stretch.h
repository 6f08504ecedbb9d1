// Operands that stretch to a result, as numpy broadcasts: dims are compared from the last one; where an operand has a 1
// or no dim at all, its elements count again and again. And the way back: sums over what was stretched.
#pragma once

#include "ir/op.h"

#include <span>
#include <string_view>

namespace kiln::ir {

bool stretches_to(const Dims& from, const Dims& to);

// The dims that all operands stretch to; `names` are the operands'.
Dims stretched_dims(std::string_view op, Operands operands, std::span<const std::string_view> names);

// Which element of a tensor of dims `from` stands at an element of `to`, both counted row-major.
class StretchedIndex {
public:
  StretchedIndex(const Dims& from, const Dims& to);
  int64_t operator()(int64_t element) const;

private:
  Dims to_;
  Dims strides_; // in `from`, a dim of `to`; 0 where it is stretched
};

// Of the gradient of a result that an operand of dims `dims` stretches to: the operand's.
Value& sum_to(GradientBuilder& builder, Value& gradient, const Dims& dims);

} // namespace kiln::ir
