// Reshape: the same elements in the same logical order under other dims.
// Its gradient is a reshape back.
#include "ir/ops/reshape.h"

#include "ir/ops/expect.h"

namespace kiln::ir {

std::vector<TensorType> Reshape::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Reshape>().name;
  expect_count(op, operands, {"src"});
  const int64_t elements = expect_dims(op, "dims", attributes.dims);
  if (elements != operands[0].elements())
    refuse(op, "dims", fmt::format("{} elements as in {}", operands[0].elements(), to_string(operands[0])),
           fmt::format("[{}] = {}", fmt::join(attributes.dims, ","), elements));
  return {TensorType{operands[0].dtype, attributes.dims, {}}};
}

void Reshape::evaluate(const Attributes&, EvaluationFrame& frame) { frame.result().data = frame.operand(0).data; }

void Reshape::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(
      0, builder.create<Reshape>({.dims = node.operand(0).type.dims}, {builder.result_gradient()}, "backward"));
}

} // namespace kiln::ir
