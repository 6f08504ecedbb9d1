// Slice: some positions along one dim of a tensor, in steps; and its gradient.
// Reference: line by line along the axis.
#include "ir/ops/slice.h"

#include "ir/ops/axis.h"
#include "ir/ops/concat.h"
#include "ir/ops/constant.h"
#include "ir/ops/pixels.h"

#include <algorithm>
#include <limits>

namespace kiln::ir {

namespace {

// Positions begin, begin + step, ..., `count` of them, are all in [0, size).
void expect_positions(std::string_view op, int64_t begin, int64_t count, int64_t step, int64_t size) {
  if (begin < 0 || begin >= size) refuse(op, "begin", fmt::format("0 to {}", size - 1), fmt::to_string(begin));
  if (step == 0 || step == std::numeric_limits<int64_t>::min())
    refuse(op, "step", "another number than 0", fmt::to_string(step));
  const int64_t room = step > 0 ? (size - 1 - begin) / step : begin / -step;
  if (count < 1 || count > room + 1) refuse(op, "count", fmt::format("1 to {}", room + 1), fmt::to_string(count));
}

void expect_operand(std::string_view op, std::string_view what, const TensorType& operand, int64_t axis) {
  expect_dtype(op, what, operand, DType::f32);
  if (operand.rank() > kMostRank) refuse(op, what, fmt::format("at most {} dims", kMostRank), to_string(operand));
  expect_axis(op, axis, operand);
}

} // namespace

std::vector<TensorType> Slice::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Slice>().name;
  expect_count(op, operands, {"src"});
  expect_operand(op, "src", operands[0], attributes.axis);
  Dims dst = operands[0].dims;
  int64_t& size = dst[static_cast<size_t>(attributes.axis)];
  expect_positions(op, attributes.begin, attributes.count, attributes.step, size);
  size = attributes.count;
  return {TensorType{DType::f32, dst, {}}};
}

void Slice::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  const AxisView from(src.dims, attributes.axis), to(dst.dims, attributes.axis);
  for_each_line(to, [&](int64_t o, int64_t in) {
    for (int64_t i = 0; i < to.size; ++i)
      dst[to.at(o, i, in)] = src[from.at(o, attributes.begin + i * attributes.step, in)];
  });
}

void Slice::gradient(GradientBuilder& builder, const Node& node) {
  const auto& [begin, count, axis, step] = node.attributes<Slice>();
  Dims dims = node.operand(0).type.dims;
  int64_t& size = dims[static_cast<size_t>(axis)];
  Value& dy = *builder.result_gradient();
  if (step != 1) {
    builder.set_operand_gradient(0, builder.create<SliceBackward>(
                                        {.axis = axis, .begin = begin, .step = step, .size = size}, {&dy}, "backward"));
    return;
  }
  const int64_t behind = size - begin - count;
  std::vector<Value*> parts;
  const auto add_zeros = [&](int64_t positions) {
    if (positions == 0) return;
    size = positions;
    parts.push_back(&builder.create<Constant>({.value = 0, .dims = dims}, {}, "zeros"));
  };
  add_zeros(begin);
  parts.push_back(&dy);
  add_zeros(behind);
  builder.set_operand_gradient(0, parts.size() == 1 ? dy : builder.create<Concat>({.axis = axis}, parts, "backward"));
}

std::vector<TensorType> SliceBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<SliceBackward>().name;
  expect_count(op, operands, {"dy"});
  expect_operand(op, "dy", operands[0], attributes.axis);
  Dims dims = operands[0].dims;
  int64_t& size = dims[static_cast<size_t>(attributes.axis)];
  const int64_t count = size;
  size = attributes.size;
  expect_dims(op, "result", dims);
  expect_positions(op, attributes.begin, count, attributes.step, size);
  return {TensorType{DType::f32, dims, {}}};
}

void SliceBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& dy = frame.operand(0);
  Tensor& dsrc = frame.result();
  const AxisView from(dy.dims, attributes.axis), to(dsrc.dims, attributes.axis);
  for_each_line(from, [&](int64_t o, int64_t in) {
    for (int64_t i = 0; i < from.size; ++i)
      dsrc[to.at(o, attributes.begin + i * attributes.step, in)] = dy[from.at(o, i, in)];
  });
}

} // namespace kiln::ir
