// Reductions over stated axes: shape rule and reference.
#include "ir/ops/reduce.h"

#include "ir/ops/pixels.h"
#include "ir/ops/reshape.h"
#include "ir/ops/stretch.h"

#include <algorithm>

namespace kiln::ir {

bool reduces(const ReduceAttributes& attributes, size_t dim) {
  const Dims& axes = attributes.axes;
  return axes.empty() || std::find(axes.begin(), axes.end(), static_cast<int64_t>(dim)) != axes.end();
}

Dims kept_dims(const ReduceAttributes& attributes, const Dims& src) {
  Dims dims = src;
  for (size_t d = 0; d < dims.size(); ++d)
    if (reduces(attributes, d)) dims[d] = 1;
  return dims;
}

std::vector<TensorType> infer_reduction(std::string_view op, const ReduceAttributes& attributes, Operands operands) {
  expect_count(op, operands, {"src"});
  const TensorType& src = operands[0];
  expect_dtype(op, "src", src, DType::f32);
  if (src.rank() > kMostRank) refuse(op, "src", fmt::format("at most {} dims", kMostRank), to_string(src));
  int64_t least = 0;
  for (int64_t axis : attributes.axes) {
    if (axis < least || axis >= src.rank())
      refuse(op, "axes", fmt::format("rising dims from 0 to {}", src.rank() - 1),
             fmt::format("[{}]", fmt::join(attributes.axes, ",")));
    least = axis + 1;
  }
  if (attributes.keep_dims) return {TensorType{DType::f32, kept_dims(attributes, src.dims), {}}};
  Dims dims;
  for (size_t d = 0; d < src.dims.size(); ++d)
    if (!reduces(attributes, d)) dims.push_back(src.dims[d]);
  if (dims.empty()) dims.push_back(1);
  return {TensorType{DType::f32, dims, {}}};
}

void sum_over_axes(const ReduceAttributes& attributes, const Tensor& src, Tensor& dst) {
  const StretchedIndex at(kept_dims(attributes, src.dims), src.dims);
  for (int64_t e = 0; e < src.elements(); ++e) dst[at(e)] += src[e];
}

Value& stretchable_gradient(GradientBuilder& builder, const Node& node, const ReduceAttributes& attributes) {
  Value& dy = *builder.result_gradient();
  const Dims kept = kept_dims(attributes, node.operand(0).type.dims);
  if (attributes.keep_dims || dy.type.elements() == 1) return dy;
  return builder.create<Reshape>({.dims = kept}, {&dy}, "backward_reshape");
}

} // namespace kiln::ir
