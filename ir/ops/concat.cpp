// Concat: tensors behind each other along the channels.
// For the reference a sample is one run of elements in each tensor.
#include "ir/ops/concat.h"

#include "ir/ops/expect.h"
#include "ir/ops/slice.h"

#include <algorithm>

namespace kiln::ir {

std::vector<TensorType> Concat::infer(const Attributes&, Operands operands) {
  const auto op = info<Concat>().name;
  if (operands.size() < 2)
    throw TypeError(fmt::format("{}: expected at least 2 operands, got {}", op, operands.size()));
  expect_dtype(op, "src0", operands[0], DType::f32);
  expect_rank(op, "src0", operands[0], {2, 4});
  Dims dst = operands[0].dims;
  for (size_t i = 1; i < operands.size(); ++i) {
    Dims wanted = operands[0].dims;
    if (operands[i].rank() == operands[0].rank()) wanted[1] = operands[i].dims[1];
    expect_type(op, fmt::format("src{}", i), operands[i], DType::f32, wanted);
    dst[1] += operands[i].dims[1];
  }
  expect_dims(op, "result", dst);
  return {TensorType{DType::f32, dst, {}}};
}

void Concat::evaluate(const Attributes&, EvaluationFrame& frame) {
  Tensor& dst = frame.result();
  const int64_t samples = dst.dims[0];
  auto to = dst.data.begin();
  for (int64_t n = 0; n < samples; ++n)
    for (const Tensor* src : frame.operands) {
      const int64_t run = src->elements() / samples;
      to = std::copy_n(src->data.begin() + n * run, run, to);
    }
}

void Concat::gradient(GradientBuilder& builder, const Node& node) {
  int64_t begin = 0;
  for (size_t i = 0; i < node.operands().size(); ++i) {
    const int64_t count = node.operand(i).type.dims[1];
    if (builder.wants(i))
      builder.set_operand_gradient(
          i, builder.create<Slice>({.begin = begin, .count = count}, {builder.result_gradient()}, "backward"));
    begin += count;
  }
}

} // namespace kiln::ir
