// ReduceMean: means over stated axes; and its gradient.
// The reference sums in logical order in double.
#include "ir/ops/reduce_mean.h"

#include "ir/ops/expand.h"
#include "ir/ops/expect.h"
#include "ir/ops/stretch.h"

namespace kiln::ir {

std::vector<TensorType> ReduceMean::infer(const Attributes& attributes, Operands operands) {
  return infer_reduction(info<ReduceMean>().name, attributes, operands);
}

void ReduceMean::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  Tensor& dst = frame.result();
  sum_over_axes(attributes, frame.operand(0), dst);
  const auto count = static_cast<double>(frame.operand(0).elements() / dst.elements());
  for (double& sum : dst.data) sum /= count;
}

void ReduceMean::gradient(GradientBuilder& builder, const Node& node) {
  Value& dy = stretchable_gradient(builder, node, node.attributes<ReduceMean>());
  builder.set_operand_gradient(
      0, builder.create<ReduceMeanBackward>({.dims = node.operand(0).type.dims}, {&dy}, "backward"));
}

int64_t ReduceMean::flops(const Node& node) { return node.operand(0).type.elements(); }

std::vector<TensorType> ReduceMeanBackward::infer(const Attributes& attributes, Operands operands) {
  return infer_expansion(info<ReduceMeanBackward>().name, "dy", attributes.dims, operands);
}

void ReduceMeanBackward::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& dy = frame.operand(0);
  Tensor& dsrc = frame.result();
  const StretchedIndex at(dy.dims, dsrc.dims);
  const auto count = static_cast<double>(dsrc.elements() / dy.elements());
  for (int64_t e = 0; e < dsrc.elements(); ++e) dsrc[e] = dy[at(e)] / count;
}

} // namespace kiln::ir
