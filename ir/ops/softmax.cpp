// Softmax along an axis; and its gradient.
// The maximum is subtracted first, so that no finite line overflows.
#include "ir/ops/softmax.h"

#include "ir/ops/axis.h"

#include <algorithm>
#include <cmath>

namespace kiln::ir {

std::vector<TensorType> Softmax::infer(const Attributes& attributes, Operands operands) {
  return infer_along_axis(info<Softmax>().name, attributes.axis, operands);
}

void Softmax::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  const AxisView view(src.dims, attributes.axis);
  for_each_line(view, [&](int64_t o, int64_t in) {
    const auto at = [&](int64_t c) { return view.at(o, c, in); };
    double largest = src[at(0)];
    for (int64_t c = 1; c < view.size; ++c) largest = std::max(largest, src[at(c)]);
    double sum = 0;
    for (int64_t c = 0; c < view.size; ++c) sum += dst[at(c)] = std::exp(src[at(c)] - largest);
    for (int64_t c = 0; c < view.size; ++c) dst[at(c)] /= sum;
  });
}

void Softmax::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(0, builder.create<SoftmaxBackward>({.axis = node.attributes<Softmax>().axis},
                                                                  {&node.result(), builder.result_gradient()},
                                                                  "backward"));
}

// Maximum, difference, exponential, sum, quotient: one each.
int64_t Softmax::flops(const Node& node) { return 5 * node.result().type.elements(); }

std::vector<TensorType> SoftmaxBackward::infer(const Attributes& attributes, Operands operands) {
  return infer_along_axis_backward(info<SoftmaxBackward>().name, attributes.axis, operands);
}

void SoftmaxBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& y = frame.operand(0);
  const Tensor& dy = frame.operand(1);
  Tensor& dsrc = frame.result();
  const AxisView view(y.dims, attributes.axis);
  for_each_line(view, [&](int64_t o, int64_t in) {
    const auto at = [&](int64_t c) { return view.at(o, c, in); };
    double dot = 0;
    for (int64_t c = 0; c < view.size; ++c) dot += y[at(c)] * dy[at(c)];
    for (int64_t c = 0; c < view.size; ++c) dsrc[at(c)] = y[at(c)] * (dy[at(c)] - dot);
  });
}

int64_t SoftmaxBackward::flops(const Node& node) { return 4 * node.result().type.elements(); }

} // namespace kiln::ir
