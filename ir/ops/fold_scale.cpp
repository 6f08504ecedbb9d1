// FoldScale: weights that take over a scale per input channel from the op before them.
// Shape rule and reference.
#include "ir/ops/fold_scale.h"

#include "ir/ops/channel_values.h"

namespace kiln::ir {

std::vector<TensorType> FoldScale::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<FoldScale>().name;
  expect_count(op, operands, {"weights"});
  expect_input_channels(op, "scale", attributes.scale, operands[0]);
  return {operands[0]};
}

void FoldScale::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& weights = frame.operand(0);
  const InputChannels inputs(weights.dims, attributes.scale.size());
  for (int64_t i = 0; i < weights.elements(); ++i)
    frame.result()[i] = weights[i] * attributes.scale[inputs.channel(i % inputs.inputs)];
}

int64_t FoldScale::flops(const Node& node) { return node.result().type.elements(); }

} // namespace kiln::ir
