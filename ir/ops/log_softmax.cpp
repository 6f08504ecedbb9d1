// Log-softmax: the logarithm of the softmax along an axis; and its gradient.
// The maximum is subtracted first, so that no finite line overflows.
#include "ir/ops/log_softmax.h"

#include "ir/ops/axis.h"

#include <algorithm>
#include <cmath>

namespace kiln::ir {

std::vector<TensorType> LogSoftmax::infer(const Attributes& attributes, Operands operands) {
  return infer_along_axis(info<LogSoftmax>().name, attributes.axis, operands);
}

void LogSoftmax::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  const AxisView view(src.dims, attributes.axis);
  for_each_line(view, [&](int64_t o, int64_t in) {
    const auto at = [&](int64_t c) { return view.at(o, c, in); };
    double largest = src[at(0)];
    for (int64_t c = 1; c < view.size; ++c) largest = std::max(largest, src[at(c)]);
    double sum = 0;
    for (int64_t c = 0; c < view.size; ++c) sum += std::exp(src[at(c)] - largest);
    for (int64_t c = 0; c < view.size; ++c) dst[at(c)] = (src[at(c)] - largest) - std::log(sum);
  });
}

void LogSoftmax::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(0, builder.create<LogSoftmaxBackward>({.axis = node.attributes<LogSoftmax>().axis},
                                                                     {&node.result(), builder.result_gradient()},
                                                                     "backward"));
}

// Maximum, difference, exponential, sum, difference: one each.
int64_t LogSoftmax::flops(const Node& node) { return 5 * node.result().type.elements(); }

std::vector<TensorType> LogSoftmaxBackward::infer(const Attributes& attributes, Operands operands) {
  return infer_along_axis_backward(info<LogSoftmaxBackward>().name, attributes.axis, operands);
}

void LogSoftmaxBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& y = frame.operand(0);
  const Tensor& dy = frame.operand(1);
  Tensor& dsrc = frame.result();
  const AxisView view(y.dims, attributes.axis);
  for_each_line(view, [&](int64_t o, int64_t in) {
    const auto at = [&](int64_t c) { return view.at(o, c, in); };
    double sum = 0;
    for (int64_t c = 0; c < view.size; ++c) sum += dy[at(c)];
    for (int64_t c = 0; c < view.size; ++c) dsrc[at(c)] = dy[at(c)] - std::exp(y[at(c)]) * sum;
  });
}

int64_t LogSoftmaxBackward::flops(const Node& node) { return 4 * node.result().type.elements(); }

} // namespace kiln::ir
