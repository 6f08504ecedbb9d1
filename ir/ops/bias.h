// Bias: adds a value per channel; and its gradient.
// A convolution's or dense layer's bias stands as this op until fuse_epilogue moves it into the kernel before it.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// bias(src, bias): dst[n,c,...] = src[n,c,...] + bias[c].
//   src   f32[N,C,...], 2 to 6 dims
//   bias  f32[C]
//   ->    as src
struct Bias {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

// bias_backward(ddst): dbias[c] = sum over n, h, w of ddst[n,c,h,w].
//   ddst  f32[N,C,...], 2 to 6 dims
//   ->    f32[C]
struct BiasBackward {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
