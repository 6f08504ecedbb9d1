// MaxPool: the largest value of each window; and its gradient.
// No positions are stored: the gradient finds the winners again from src.
#pragma once

#include "ir/op.h"
#include "ir/window.h"

namespace kiln::ir {

// max_pool(src): dst[n,c,y,x] = max over i, j of src[n, c, y stride[0] - pad[0] + i dilation[0], x stride[1] - pad[1] +
//   j dilation[1]], padding left out. Of equal values the first in row-major order wins; a NaN wins over all numbers.
//   src       f32[N,C,H,W]
//   kernel    KH, KW
//   stride    rows, columns
//   pad       top, left, bottom, right; less than the dilated kernel
//   dilation  rows, columns
//   rounding  floor drops a remainder; ceil covers it by one more window, unless that would start beyond src
//   ->        f32[N,C,OH,OW], OH = floor or ceil((pad[0] + H + pad[2] - ((KH-1) dilation[0] + 1)) / stride[0]) + 1, OW
//             likewise
struct MaxPool {
  struct Attributes : PoolWindow {};
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static void gradient(GradientBuilder& builder, const Node& node);
  static constexpr Traits traits = {.any_layout = true};
};

// max_pool_backward(src, ddst): dsrc[n,c,h,w] = sum of ddst[n,c,y,x] over the windows in which src[n,c,h,w] wins.
//   src   f32[N,C,H,W]
//   ddst  f32[N,C,OH,OW]
//   kernel, stride, pad, dilation, rounding  as max_pool's
//   ->    as src
struct MaxPoolBackward {
  using Attributes = MaxPool::Attributes;
  static std::vector<TensorType> infer(const Attributes& attributes, Operands operands);
  static void evaluate(const Attributes& attributes, EvaluationFrame& frame);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
