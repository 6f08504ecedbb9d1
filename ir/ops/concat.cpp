// Concat: tensors behind each other along one of their dims.
// For the reference each stretch outside of the axis is one run of elements in each tensor.
#include "ir/ops/concat.h"

#include "ir/ops/axis.h"
#include "ir/ops/pixels.h"
#include "ir/ops/slice.h"

#include <algorithm>

namespace kiln::ir {

std::vector<TensorType> Concat::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Concat>().name;
  if (operands.size() < 2)
    throw TypeError(fmt::format("{}: expected at least 2 operands, got {}", op, operands.size()));
  const TensorType& first = operands[0];
  expect_dtype(op, "src0", first, DType::f32);
  if (first.rank() > kMostRank) refuse(op, "src0", fmt::format("at most {} dims", kMostRank), to_string(first));
  expect_axis(op, attributes.axis, first);
  const auto axis = static_cast<size_t>(attributes.axis);
  Dims dst = first.dims;
  for (size_t i = 1; i < operands.size(); ++i) {
    Dims wanted = first.dims;
    if (operands[i].rank() == first.rank()) wanted[axis] = operands[i].dims[axis];
    expect_type(op, fmt::format("src{}", i), operands[i], DType::f32, wanted);
    dst[axis] += operands[i].dims[axis];
  }
  expect_dims(op, "result", dst);
  return {TensorType{DType::f32, dst, {}}};
}

void Concat::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  Tensor& dst = frame.result();
  const int64_t outer = AxisView(dst.dims, attributes.axis).outer;
  auto to = dst.data.begin();
  for (int64_t o = 0; o < outer; ++o)
    for (const Tensor* src : frame.operands) {
      const int64_t run = src->elements() / outer;
      to = std::copy_n(src->data.begin() + o * run, run, to);
    }
}

void Concat::gradient(GradientBuilder& builder, const Node& node) {
  const int64_t axis = node.attributes<Concat>().axis;
  int64_t begin = 0;
  for (size_t i = 0; i < node.operands().size(); ++i) {
    const int64_t count = node.operand(i).type.dims[static_cast<size_t>(axis)];
    if (builder.wants(i))
      builder.set_operand_gradient(i, builder.create<Slice>({.begin = begin, .count = count, .axis = axis},
                                                            {builder.result_gradient()}, "backward"));
    begin += count;
  }
}

} // namespace kiln::ir
