// Expand: a tensor stretched to stated dims.
// Nothing is computed: every element is one of the operand's.
#include "ir/ops/expand.h"

#include "ir/ops/pixels.h"
#include "ir/ops/stretch.h"

namespace kiln::ir {

std::vector<TensorType> infer_expansion(std::string_view op, std::string_view operand, const Dims& dims,
                                        Operands operands) {
  if (operands.size() != 1)
    throw TypeError(fmt::format("{}: expected 1 operand ({}), got {}", op, operand, operands.size()));
  expect_dtype(op, operand, operands[0], DType::f32);
  expect_dims(op, "dims", dims);
  if (static_cast<int64_t>(dims.size()) > kMostRank)
    refuse(op, "dims", fmt::format("at most {} dims", kMostRank), fmt::format("[{}]", fmt::join(dims, ",")));
  if (!stretches_to(operands[0].dims, dims))
    refuse(op, "dims", fmt::format("dims that {} stretches to", to_string(operands[0])),
           fmt::format("[{}]", fmt::join(dims, ",")));
  return {TensorType{DType::f32, dims, {}}};
}

std::vector<TensorType> Expand::infer(const Attributes& attributes, Operands operands) {
  return infer_expansion(info<Expand>().name, "src", attributes.dims, operands);
}

void Expand::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  const StretchedIndex at(src.dims, dst.dims);
  for (int64_t e = 0; e < dst.elements(); ++e) dst[e] = src[at(e)];
}

void Expand::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(0, sum_to(builder, *builder.result_gradient(), node.operand(0).type.dims));
}

} // namespace kiln::ir
