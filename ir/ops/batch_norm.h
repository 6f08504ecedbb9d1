// BatchNorm: every channel brought to mean 0 and variance 1 over the batch; its gradient; its form outside training.
// Statistics are the batch's own; UpdateRunningStatistics keeps those that BatchNormInference reads.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// batch_norm(src[, scale, shift]): over the n = N (H W) values of each channel c
//   mean[c] = sum of src / n,  variance[c] = sum of (src - mean[c])^2 / n  (biased)
//   dst = (src - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c]
//   src           f32[N,C,...], 2 to 6 dims
//   scale, shift  f32[C]; 1 and 0 when both are left out
//   epsilon       at least 1e-30
//   ->            dst as src; mean f32[C]; variance f32[C]
// Mean and variance pass no gradient on but through dst.
struct BatchNorm {
  struct Attributes {
    double epsilon = 1e-5;
    void fields(FieldVisitor& visit) { visit("epsilon", epsilon); }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

// batch_norm_backward(src, mean, variance, ddst[, scale]), with r[c] = 1 / sqrt(variance[c] + epsilon) and
// x = (src - mean[c]) r[c]:
//   dshift[c] = sum of ddst,  dscale[c] = sum of ddst x
//   dsrc = scale[c] r[c] (ddst - dshift[c] / n - x dscale[c] / n)
//   src, ddst  as batch_norm's src
//   mean, variance, scale  f32[C]
//   ->         dsrc as src; with a scale also dscale f32[C] and dshift f32[C]
struct BatchNormBackward {
  using Attributes = BatchNorm::Attributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
