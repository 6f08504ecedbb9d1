// Local response normalisation: sums over neighbouring channels, one pixel at a time.
#include "ir/ops/lrn.h"

#include "ir/ops/expect.h"

#include <algorithm>
#include <cmath>

namespace kiln::ir {

namespace {

void expect_source(std::string_view op, const Lrn::Attributes& attributes, const TensorType& src) {
  expect_dtype(op, "src", src, DType::f32);
  expect_rank(op, "src", src, {4});
  if (attributes.size < 1 || attributes.size > int64_t{1} << 30)
    refuse(op, "size", "1 to 2^30", std::to_string(attributes.size));
  const auto expect_value = [&](std::string_view what, double value) {
    if (!(value >= 0) || std::isinf(value)) refuse(op, what, "finite and at least 0", fmt::format("{}", value));
  };
  expect_value("alpha", attributes.alpha);
  expect_value("beta", attributes.beta);
  if (!(attributes.k > 0) || std::isinf(attributes.k))
    refuse(op, "k", "finite and above 0", fmt::format("{}", attributes.k));
}

// Calls visit(element, first, last, stride): the neighbourhood of an element is first, first + stride, ..., last, for
// `below` channels before it and `above` after it.
template <class Visit> void for_each_neighbourhood(const Dims& dims, int64_t below, int64_t above, Visit visit) {
  const int64_t channels = dims[1];
  const int64_t pixels = dims[2] * dims[3];
  for (int64_t n = 0; n < dims[0]; ++n)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t p = 0; p < pixels; ++p) {
        const auto element = [&](int64_t channel) { return (n * channels + channel) * pixels + p; };
        visit(element(c), element(c - std::min(below, c)), element(c + std::min(above, channels - 1 - c)), pixels);
      }
}

Tensor scales(const Lrn::Attributes& attributes, const Tensor& src) {
  Tensor result(src.dims);
  for_each_neighbourhood(src.dims, attributes.below(), attributes.above(),
                         [&](int64_t e, int64_t first, int64_t last, int64_t stride) {
                           double squares = 0;
                           for (int64_t i = first; i <= last; i += stride) squares += src[i] * src[i];
                           result[e] = Lrn::scale(attributes, squares);
                         });
  return result;
}

} // namespace

std::vector<TensorType> Lrn::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Lrn>().name;
  expect_count(op, operands, {"src"});
  expect_source(op, attributes, operands[0]);
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

void Lrn::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  const Tensor s = scales(attributes, src);
  for (int64_t e = 0; e < dst.elements(); ++e) dst[e] = src[e] * damping(attributes, s[e]);
}

void Lrn::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(
      0,
      builder.create<LrnBackward>(node.attributes<Lrn>(), {&node.operand(0), builder.result_gradient()}, "backward"));
}

int64_t Lrn::flops(const Node& node) { return node.result().type.elements() * (2 * node.attributes<Lrn>().size + 2); }

std::vector<TensorType> LrnBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<LrnBackward>().name;
  expect_count(op, operands, {"src", "ddst"});
  expect_source(op, attributes, operands[0]);
  expect_type(op, "ddst", operands[1], DType::f32, operands[0].dims);
  return {TensorType{DType::f32, operands[0].dims, {}}};
}

void LrnBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& ddst = frame.operand(1);
  Tensor& dsrc = frame.result();
  const Tensor s = scales(attributes, src);
  Tensor damped(src.dims), through_scale(src.dims);
  for (int64_t e = 0; e < dsrc.elements(); ++e) {
    damped[e] = ddst[e] * Lrn::damping(attributes, s[e]);
    through_scale[e] = src[e] * damped[e] / s[e];
  }
  const double factor = 2 * attributes.alpha * attributes.beta / static_cast<double>(attributes.size);
  for_each_neighbourhood(src.dims, attributes.above(), attributes.below(),
                         [&](int64_t e, int64_t first, int64_t last, int64_t stride) {
                           double sum = 0;
                           for (int64_t i = first; i <= last; i += stride) sum += through_scale[i];
                           dsrc[e] = damped[e] - factor * src[e] * sum;
                         });
}

int64_t LrnBackward::flops(const Node& node) {
  return node.result().type.elements() * (3 * node.attributes<LrnBackward>().size + 6);
}

} // namespace kiln::ir
