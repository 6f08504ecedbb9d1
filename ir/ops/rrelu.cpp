// Rrelu: a rectifier whose slope for negative values is drawn anew for every element; and its gradient.
// The reference draws as emitted code does: by logical element index in N, H, W, C order.
#include "ir/ops/rrelu.h"

#include "ir/ops/element_draws.h"

#include <cmath>

namespace kiln::ir {

namespace {

template <class Attributes> void expect_bounds(std::string_view op, const Attributes& attributes) {
  const bool drawable = static_cast<float>(attributes.lower) > 0 && attributes.lower <= attributes.upper &&
                        std::isfinite(static_cast<float>(attributes.upper));
  if (!drawable)
    refuse(op, "lower and upper", "0 < lower <= upper, finite",
           fmt::format("{} and {}", attributes.lower, attributes.upper));
}

} // namespace

std::vector<TensorType> Rrelu::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Rrelu>().name;
  expect_count(op, operands, {"src"});
  expect_dtype(op, "src", operands[0], DType::f32);
  expect_rank_between(op, "src", operands[0], 1);
  expect_bounds(op, attributes);
  return {operands[0]};
}

void Rrelu::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  const ElementDraws draws(frame, attributes.stream, src.dims);
  for (int64_t e = 0; e < src.elements(); ++e) dst[e] = formula<double>(attributes, src[e], draws.of_element(e));
}

void Rrelu::gradient(GradientBuilder& builder, const Node& node) {
  const auto& attributes = node.attributes<Rrelu>();
  pass_back_from_result<RreluBackward>(
      builder, node,
      {.lower = attributes.lower, .upper = attributes.upper, .mode = attributes.mode, .stream = attributes.stream});
}

// A draw is counted as the one operation that the element sees of it.
int64_t Rrelu::flops(const Node& node) { return node.result().type.elements(); }

std::vector<TensorType> RreluBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<RreluBackward>().name;
  expect_count(op, operands, {"y", "dy"});
  expect_dtype(op, "y", operands[0], DType::f32);
  expect_rank_between(op, "y", operands[0], 1);
  expect_type(op, "dy", operands[1], DType::f32, operands[0].dims);
  expect_bounds(op, attributes);
  return {operands[0]};
}

void RreluBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& y = frame.operand(0);
  const Tensor& dy = frame.operand(1);
  Tensor& dx = frame.result();
  const ElementDraws draws(frame, attributes.stream, y.dims);
  for (int64_t e = 0; e < y.elements(); ++e) dx[e] = formula<double>(attributes, y[e], dy[e], draws.of_element(e));
}

int64_t RreluBackward::flops(const Node& node) { return node.result().type.elements(); }

} // namespace kiln::ir
