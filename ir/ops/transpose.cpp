// Transpose: the dims in another order.
// For the reference each element asks where it comes from.
#include "ir/ops/transpose.h"

#include "ir/ops/pixels.h"

namespace kiln::ir {

std::vector<TensorType> Transpose::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Transpose>().name;
  expect_count(op, operands, {"src"});
  const TensorType& src = operands[0];
  expect_dtype(op, "src", src, DType::f32);
  if (src.rank() > kMostRank) refuse(op, "src", fmt::format("at most {} dims", kMostRank), to_string(src));
  std::vector<bool> seen(src.dims.size(), false);
  bool once = attributes.order.size() == src.dims.size();
  Dims dims;
  for (int64_t dim : attributes.order) {
    once = once && dim >= 0 && dim < src.rank() && !seen[static_cast<size_t>(dim)];
    if (!once) break;
    seen[static_cast<size_t>(dim)] = true;
    dims.push_back(src.dims[static_cast<size_t>(dim)]);
  }
  if (!once)
    refuse(op, "order", fmt::format("each dim from 0 to {} once", src.rank() - 1),
           fmt::format("[{}]", fmt::join(attributes.order, ",")));
  return {TensorType{DType::f32, dims, {}}};
}

void Transpose::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  Dims strides(src.dims.size(), 1);
  for (size_t d = src.dims.size() - 1; d-- > 0;) strides[d] = strides[d + 1] * src.dims[d + 1];
  for (int64_t e = 0; e < dst.elements(); ++e) {
    int64_t rest = e, from = 0;
    for (size_t d = dst.dims.size(); d-- > 0; rest /= dst.dims[d])
      from += rest % dst.dims[d] * strides[static_cast<size_t>(attributes.order[d])];
    dst[e] = src[from];
  }
}

void Transpose::gradient(GradientBuilder& builder, const Node& node) {
  const Dims& order = node.attributes<Transpose>().order;
  Dims back(order.size());
  for (size_t d = 0; d < order.size(); ++d) back[static_cast<size_t>(order[d])] = static_cast<int64_t>(d);
  builder.set_operand_gradient(0, builder.create<Transpose>({.order = back}, {builder.result_gradient()}, "backward"));
}

} // namespace kiln::ir
