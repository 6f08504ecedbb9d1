// Pad: more elements before and after each dim, or fewer; and its gradient.
// For the reference each element asks where it comes from.
#include "ir/ops/pad.h"

#include "ir/ops/axis.h"
#include "ir/ops/pixels.h"

#include <algorithm>
#include <cmath>

namespace kiln::ir {

namespace {

constexpr int64_t kLargest = int64_t{1} << 40;

// Where position i of a padded dim comes from; -1: nowhere.
int64_t source_of(int64_t i, int64_t before, int64_t size, PadMode mode) {
  const int64_t j = i - before;
  if (j >= 0 && j < size) return j;
  switch (mode) {
  case PadMode::constant:
    return -1;
  case PadMode::reflect:
    return j < 0 ? -j : 2 * (size - 1) - j;
  case PadMode::edge:
    return j < 0 ? 0 : size - 1;
  }
  return -1;
}

void expect_amount(std::string_view op, std::string_view what, int64_t amount, int64_t size, PadMode mode) {
  const int64_t most = mode == PadMode::reflect ? size - 1 : kLargest;
  if (amount < -kLargest || amount > most)
    refuse(op, what,
           mode == PadMode::reflect ? fmt::format("at most {} where {} are reflected", most, size) : "less than 2^40",
           fmt::to_string(amount));
}

} // namespace

std::vector<TensorType> Pad::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Pad>().name;
  expect_count(op, operands, {"src"});
  const TensorType& src = operands[0];
  expect_dtype(op, "src", src, DType::f32);
  if (src.rank() > kMostRank) refuse(op, "src", fmt::format("at most {} dims", kMostRank), to_string(src));
  for (const auto& [what, amounts] : {std::pair{"before", &attributes.before}, std::pair{"after", &attributes.after}})
    if (amounts->size() != src.dims.size())
      refuse(op, what, fmt::format("{} amounts, one a dim", src.dims.size()), fmt::to_string(amounts->size()));
  if (!std::isfinite(static_cast<float>(attributes.value)))
    refuse(op, "value", "a finite number", fmt::to_string(attributes.value));
  Dims dst = src.dims;
  for (size_t d = 0; d < dst.size(); ++d) {
    expect_amount(op, "before", attributes.before[d], src.dims[d], attributes.mode);
    expect_amount(op, "after", attributes.after[d], src.dims[d], attributes.mode);
    dst[d] += attributes.before[d] + attributes.after[d];
  }
  expect_dims(op, "result", dst);
  return {TensorType{DType::f32, dst, {}}};
}

void Pad::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  for (int64_t e = 0; e < dst.elements(); ++e) {
    int64_t rest = e, from = 0, stride = 1;
    bool inside = true;
    for (size_t d = dst.dims.size(); d-- > 0; rest /= dst.dims[d], stride *= src.dims[d]) {
      const int64_t j = source_of(rest % dst.dims[d], attributes.before[d], src.dims[d], attributes.mode);
      inside = inside && j >= 0;
      from += j * stride;
    }
    dst[e] = inside ? src[from] : attributes.value;
  }
}

void Pad::gradient(GradientBuilder& builder, const Node& node) {
  const Attributes& attributes = node.attributes<Pad>();
  Value* gradient = builder.result_gradient();
  if (attributes.mode == PadMode::constant) {
    Attributes back = {.before = attributes.before, .after = attributes.after};
    for (Dims* amounts : {&back.before, &back.after})
      for (int64_t& amount : *amounts) amount = -amount;
    builder.set_operand_gradient(0, builder.create<Pad>(std::move(back), {gradient}, "backward"));
    return;
  }
  for (size_t d = 0; d < attributes.before.size(); ++d) {
    const int64_t before = attributes.before[d], after = attributes.after[d];
    if (before == 0 && after == 0) continue;
    gradient = &builder.create<PadBackward>(
        {.axis = static_cast<int64_t>(d), .before = before, .after = after, .mode = attributes.mode}, {gradient},
        "backward");
  }
  builder.set_operand_gradient(0, *gradient);
}

std::vector<TensorType> PadBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<PadBackward>().name;
  expect_count(op, operands, {"dy"});
  const TensorType& dy = operands[0];
  expect_dtype(op, "dy", dy, DType::f32);
  expect_axis(op, attributes.axis, dy);
  if (attributes.mode == PadMode::constant) refuse(op, "mode", "reflect or edge", "constant");
  Dims dims = dy.dims;
  int64_t& size = dims[static_cast<size_t>(attributes.axis)];
  for (int64_t amount : {attributes.before, attributes.after})
    if (amount < -kLargest || amount > kLargest) refuse(op, "before, after", "less than 2^40", fmt::to_string(amount));
  size -= attributes.before + attributes.after;
  expect_dims(op, "result", dims);
  expect_amount(op, "before", attributes.before, size, attributes.mode);
  expect_amount(op, "after", attributes.after, size, attributes.mode);
  return {TensorType{DType::f32, dims, {}}};
}

void PadBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& dy = frame.operand(0);
  Tensor& dsrc = frame.result();
  const AxisView from(dy.dims, attributes.axis), to(dsrc.dims, attributes.axis);
  for_each_line(from, [&](int64_t o, int64_t in) {
    for (int64_t i = 0; i < from.size; ++i)
      dsrc[to.at(o, source_of(i, attributes.before, to.size, attributes.mode), in)] += dy[from.at(o, i, in)];
  });
}

} // namespace kiln::ir
