// Scale: multiplies by a value per channel; and its gradient.
// An op of its own beside bias, rather than a product with a stretched tensor: the factor is a vector of values a
// channel as bias, slopes and statistics are, so that a scale can join a kernel's epilogue or fold into weights as they
// do, and its gradient is one pass that keeps no product.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// scale(src, factor): dst[n,c,...] = src[n,c,...] * factor[c].
//   src     f32[N,C,...], 2 to 6 dims
//   factor  f32[C]
//   ->      as src
// dsrc = scale(ddst, factor).
struct Scale {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

// scale_backward_factor(src, ddst): dfactor[c] = sum over all else of src[n,c,...] * ddst[n,c,...].
//   src, ddst  f32[N,C,...], alike
//   ->         f32[C]
struct ScaleBackwardFactor {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
