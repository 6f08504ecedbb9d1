// What convolution, its gradients and transposed convolution share: the shape rule, and the enumeration of the products
// that they sum. All of them read src f32[N,C,H,W], weights f32[O,C/group,KH,KW] and dst f32[N,O,OH,OW] alike, and each
// sums into another one of the three.
#pragma once

#include "ir/ops/epilogue_formula.h"
#include "ir/ops/expect.h"
#include "ir/window.h"

namespace kiln::ir {

struct ConvolutionShapes {
  Dims src;
  Dims weights;
  Dims dst;
};

// The forward op's rule, which all others rest on: throws unless weights fit src.
inline ConvolutionShapes convolution_shapes(std::string_view op, const ConvolutionWindow& attributes, const Dims& src,
                                            const Dims& weights) {
  expect_dims(op, "src", src);
  expect_dims(op, "weights", weights);
  const int64_t group = attributes.group;
  if (group < 1) refuse(op, "group", "at least 1", std::to_string(group));
  if (src[1] % group != 0)
    throw TypeError(fmt::format("{}: {} groups do not divide {} input channels", op, group, src[1]));
  if (weights[0] % group != 0)
    throw TypeError(fmt::format("{}: {} groups do not divide {} output channels", op, group, weights[0]));
  if (weights[1] != src[1] / group)
    throw TypeError(fmt::format("{}: input has {} channels{}, weights f32[{}] expect {}", op, src[1],
                                group == 1 ? "" : fmt::format(" = {} groups of {}", group, src[1] / group),
                                fmt::join(weights, ","),
                                group == 1 ? fmt::format("{}", weights[1]) : fmt::format("groups of {}", weights[1])));
  const Size2 size = window_of(op, attributes, {weights[2], weights[3]}, {src[2], src[3]}).output();
  ConvolutionShapes shapes{src, weights, {src[0], weights[0], size[0], size[1]}};
  expect_dims(op, "result", shapes.dst);
  return shapes;
}

// Calls visit(src offset, weights offset, dst offset) for every product of the sum, padding left out: in row-major
// order of dst, then of the filter.
template <class Visit> void for_each_product(const ConvolutionWindow& attributes, const Dims& src, const Dims& weights,
                                             const Dims& dst, Visit visit) {
  const Window window = window_of("conv2d", attributes, {weights[2], weights[3]}, {src[2], src[3]});
  const int64_t group_inputs = weights[1];
  const int64_t group_outputs = weights[0] / attributes.group;
  int64_t d = 0;
  for (int64_t n = 0; n < dst[0]; ++n)
    for (int64_t o = 0; o < dst[1]; ++o)
      for (int64_t y = 0; y < dst[2]; ++y)
        for (int64_t x = 0; x < dst[3]; ++x, ++d) {
          int64_t w = o * group_inputs * weights[2] * weights[3];
          for (int64_t c = 0; c < group_inputs; ++c) {
            const int64_t plane = (n * src[1] + o / group_outputs * group_inputs + c) * src[2] * src[3];
            for (int64_t i = 0; i < weights[2]; ++i)
              for (int64_t j = 0; j < weights[3]; ++j, ++w) {
                const int64_t row = window.rows.position(y, i);
                const int64_t column = window.columns.position(x, j);
                if (window.rows.contains(row) && window.columns.contains(column))
                  visit(plane + row * src[3] + column, w, d);
              }
          }
        }
}

// As published counts: the full filter at every output position, padding included. Counts that no machine could reach
// stay at the largest that can be told.
inline int64_t convolution_flops(const Dims& weights, const Dims& dst) {
  int64_t count = 2;
  for (int64_t factor : {dst[0], dst[1], dst[2], dst[3], weights[1], weights[2], weights[3]})
    if (__builtin_mul_overflow(count, factor, &count)) return INT64_MAX;
  return count;
}

inline void expect_tensor4(std::string_view op, std::string_view what, const TensorType& got) {
  expect_dtype(op, what, got, DType::f32);
  expect_rank(op, what, got, {4});
}

// Applies an epilogue to the result, channel by channel; its operands follow the first two.
inline void finish_convolution(const Epilogue& epilogue, EvaluationFrame& frame) {
  Tensor& dst = frame.result();
  const int64_t plane = dst.dims[2] * dst.dims[3];
  const std::vector<EpilogueKind> kinds = operand_kinds(epilogue);
  for (int64_t d = 0; d < dst.elements(); ++d)
    dst[d] = apply_epilogue(epilogue, dst[d], [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      return epilogue_operand_at(kinds[at], frame.operand(2 + at), d, d / plane % dst.dims[1]);
    });
}

} // namespace kiln::ir
