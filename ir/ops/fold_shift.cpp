// FoldShift: a bias that takes over a shift per input channel from the op before the weights.
// Shape rule and reference.
#include "ir/ops/fold_shift.h"

#include "ir/ops/channel_values.h"

namespace kiln::ir {

std::vector<TensorType> FoldShift::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<FoldShift>().name;
  const bool biased = operands.size() == 2;
  if (!biased) expect_count(op, operands, {"weights"});
  expect_input_channels(op, "shift", attributes.shift, operands[0]);
  const Dims dims = {operands[0].dims[0]};
  if (biased) expect_type(op, "bias", operands[1], DType::f32, dims);
  return {TensorType{DType::f32, dims, {}}};
}

void FoldShift::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& weights = frame.operand(0);
  Tensor& dst = frame.result();
  const InputChannels inputs(weights.dims, attributes.shift.size());
  for (int64_t row = 0; row < inputs.rows; ++row) {
    double sum = 0;
    for (int64_t i = 0; i < inputs.inputs; ++i)
      sum += weights[row * inputs.inputs + i] * attributes.shift[inputs.channel(i)];
    dst[row] = sum + (frame.operands.size() == 2 ? frame.operand(1)[row] : 0);
  }
}

int64_t FoldShift::flops(const Node& node) { return 2 * node.operand(0).type.elements(); }

} // namespace kiln::ir
