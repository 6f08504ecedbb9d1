// Dropout: sets a random share of elements to zero and scales the others up. Training only.
// The reference draws as emitted code does: by logical element index in N, H, W, C order.
#include "ir/ops/dropout.h"

#include "ir/ops/element_draws.h"

namespace kiln::ir {

std::vector<TensorType> Dropout::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Dropout>().name;
  expect_count(op, operands, {"src"});
  expect_dtype(op, "src", operands[0], DType::f32);
  expect_rank_between(op, "src", operands[0], 1);
  // The draws are compared in f32, where a rate just below 1 becomes 1.
  if (!(attributes.drop >= 0 && static_cast<float>(attributes.drop) < 1))
    refuse(op, "drop", "at least 0 and less than 1", fmt::to_string(attributes.drop));
  return {operands[0]};
}

void Dropout::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  const ElementDraws draws(frame, attributes.stream, src.dims);
  for (int64_t i = 0; i < src.elements(); ++i)
    dst[i] = formula<double>(attributes, src[i], attributes.whole_channels ? draws.of_channel(i) : draws.of_element(i));
}

void Dropout::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(
      0, builder.create<Dropout>(node.attributes<Dropout>(), {builder.result_gradient()}, "backward"));
}

int64_t Dropout::flops(const Node& node) { return node.result().type.elements(); }

} // namespace kiln::ir
