// Slice: some channels of a tensor.
// For the reference a sample is one run of elements in each tensor.
#include "ir/ops/slice.h"

#include "ir/ops/concat.h"
#include "ir/ops/constant.h"
#include "ir/ops/expect.h"

#include <algorithm>

namespace kiln::ir {

std::vector<TensorType> Slice::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Slice>().name;
  expect_count(op, operands, {"src"});
  expect_dtype(op, "src", operands[0], DType::f32);
  expect_rank(op, "src", operands[0], {2, 4});
  const int64_t channels = operands[0].dims[1];
  const auto [begin, count] = attributes;
  if (begin < 0 || begin >= channels) refuse(op, "begin", fmt::format("0 to {}", channels - 1), fmt::to_string(begin));
  if (count < 1 || count > channels - begin)
    refuse(op, "count", fmt::format("1 to {}", channels - begin), fmt::to_string(count));
  Dims dst = operands[0].dims;
  dst[1] = count;
  return {TensorType{DType::f32, dst, {}}};
}

void Slice::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  const int64_t samples = dst.dims[0];
  const int64_t run = dst.elements() / samples;
  const int64_t channel = run / attributes.count;
  for (int64_t n = 0; n < samples; ++n)
    std::copy_n(src.data.begin() + n * (src.elements() / samples) + attributes.begin * channel, run,
                dst.data.begin() + n * run);
}

void Slice::gradient(GradientBuilder& builder, const Node& node) {
  const auto& [begin, count] = node.attributes<Slice>();
  Dims dims = node.operand(0).type.dims;
  const int64_t behind = dims[1] - begin - count;
  std::vector<Value*> parts;
  const auto add_zeros = [&](int64_t channels) {
    if (channels == 0) return;
    dims[1] = channels;
    parts.push_back(&builder.create<Constant>({.value = 0, .dims = dims}, {}, "zeros"));
  };
  add_zeros(begin);
  parts.push_back(builder.result_gradient());
  add_zeros(behind);
  builder.set_operand_gradient(0, parts.size() == 1 ? *parts[0] : builder.create<Concat>({}, parts, "backward"));
}

} // namespace kiln::ir
