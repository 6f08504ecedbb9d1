// Log-softmax: the logarithm of the softmax over the classes of each sample; and its gradient.
// The maximum is subtracted first, so that no finite row overflows.
#include "ir/ops/log_softmax.h"

#include "ir/ops/expect.h"

#include <algorithm>
#include <cmath>

namespace kiln::ir {

std::vector<TensorType> LogSoftmax::infer(const Attributes&, Operands operands) {
  return infer_class_rows(info<LogSoftmax>().name, operands);
}

void LogSoftmax::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  const int64_t classes = src.dims[1];
  for (int64_t begin = 0; begin < src.elements(); begin += classes) {
    double largest = src[begin];
    for (int64_t c = 1; c < classes; ++c) largest = std::max(largest, src[begin + c]);
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(src[begin + c] - largest);
    for (int64_t c = 0; c < classes; ++c) dst[begin + c] = (src[begin + c] - largest) - std::log(sum);
  }
}

void LogSoftmax::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(
      0, builder.create<LogSoftmaxBackward>({}, {&node.result(), builder.result_gradient()}, "backward"));
}

// Maximum, difference, exponential, sum, difference: one each.
int64_t LogSoftmax::flops(const Node& node) { return 5 * node.result().type.elements(); }

std::vector<TensorType> LogSoftmaxBackward::infer(const Attributes&, Operands operands) {
  return infer_class_rows_backward(info<LogSoftmaxBackward>().name, operands);
}

void LogSoftmaxBackward::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& y = frame.operand(0);
  const Tensor& dy = frame.operand(1);
  Tensor& dsrc = frame.result();
  const int64_t classes = y.dims[1];
  for (int64_t begin = 0; begin < y.elements(); begin += classes) {
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += dy[begin + c];
    for (int64_t c = 0; c < classes; ++c) dsrc[begin + c] = dy[begin + c] - std::exp(y[begin + c]) * sum;
  }
}

int64_t LogSoftmaxBackward::flops(const Node& node) { return 4 * node.result().type.elements(); }

} // namespace kiln::ir
