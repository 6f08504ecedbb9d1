// Operands that stretch to a result: shapes, indices and the sums of gradients.
#include "ir/ops/stretch.h"

#include "ir/ops/pixels.h"
#include "ir/ops/reduce_sum.h"
#include "ir/ops/reshape.h"

#include <algorithm>

namespace kiln::ir {

bool stretches_to(const Dims& from, const Dims& to) {
  if (from.size() > to.size()) return false;
  const size_t missing = to.size() - from.size();
  for (size_t d = 0; d < from.size(); ++d)
    if (from[d] != 1 && from[d] != to[missing + d]) return false;
  return true;
}

Dims stretched_dims(std::string_view op, Operands operands, std::span<const std::string_view> names) {
  Dims dims;
  for (size_t i = 0; i < operands.size(); ++i) {
    const TensorType& operand = operands[i];
    expect_dtype(op, names[i], operand, DType::f32);
    if (operand.rank() > kMostRank) refuse(op, names[i], fmt::format("at most {} dims", kMostRank), to_string(operand));
    Dims wider = dims;
    if (operand.dims.size() > wider.size()) wider.insert(wider.begin(), operand.dims.size() - wider.size(), 1);
    const size_t missing = wider.size() - operand.dims.size();
    for (size_t d = 0; d < operand.dims.size(); ++d)
      if (wider[missing + d] == 1) wider[missing + d] = operand.dims[d];
    if (!stretches_to(operand.dims, wider))
      refuse(op, names[i], fmt::format("dims that stretch to or from [{}]", fmt::join(dims, ",")), to_string(operand));
    dims = std::move(wider);
  }
  expect_dims(op, "result", dims);
  return dims;
}

StretchedIndex::StretchedIndex(const Dims& from, const Dims& to) : to_(to), strides_(to.size(), 0) {
  int64_t stride = 1;
  for (size_t d = from.size(), t = to.size(); d-- > 0;) {
    --t;
    if (from[d] != 1) strides_[t] = stride;
    stride *= from[d];
  }
}

int64_t StretchedIndex::operator()(int64_t element) const {
  int64_t offset = 0;
  for (size_t d = to_.size(); d-- > 0; element /= to_[d]) offset += element % to_[d] * strides_[d];
  return offset;
}

Value& sum_to(GradientBuilder& builder, Value& gradient, const Dims& dims) {
  const Dims& from = gradient.type.dims;
  const size_t missing = from.size() - dims.size();
  Dims axes;
  for (size_t d = 0; d < from.size(); ++d)
    if (from[d] != 1 && (d < missing || dims[d - missing] == 1)) axes.push_back(static_cast<int64_t>(d));
  Value* sum = &gradient;
  if (!axes.empty()) sum = &builder.create<ReduceSum>({.axes = axes, .keep_dims = true}, {sum}, "backward_sum");
  if (missing > 0) sum = &builder.create<Reshape>({.dims = dims}, {sum}, "backward_reshape");
  return *sum;
}

} // namespace kiln::ir
