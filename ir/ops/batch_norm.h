// BatchNorm: every channel brought to mean 0 and variance 1 over the batch; its gradient; its form outside training.
// Statistics are the batch's own; UpdateRunningStatistics keeps those that BatchNormInference reads.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// batch_norm(src[, scale, shift], ...): over the n = N (H W) values of each channel c
//   mean[c] = sum of src / n,  variance[c] = sum of (src - mean[c])^2 / n  (biased)
//   dst = epilogue((src - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c])
//   src           f32[N,C,...], 2 to 6 dims
//   scale, shift  f32[C]; 1 and 0 when both are left out
//   ...           as src, per add in the epilogue, in its order
//   epsilon       at least 1e-30
//   epilogue      adds, and activations that leave 0 as it is, e.g. [add, relu]
//   ->            dst as src; mean f32[C]; variance f32[C]
// Mean and variance pass no gradient on but through dst.
struct BatchNorm {
  struct Attributes {
    double epsilon = 1e-5;
    Epilogue epilogue;
    void fields(FieldVisitor& visit) {
      visit("epsilon", epsilon);
      visit("epilogue", epilogue);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&); // the epilogue must be empty
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

// batch_norm_backward(src, mean, variance, ddst[, scale[, shift]]), with r[c] = 1 / sqrt(variance[c] + epsilon),
// x = (src - mean[c]) r[c], and g the gradient that the epilogue passes back at x scale[c] + shift[c], ddst if it is
// empty:
//   dshift[c] = sum of g,  dscale[c] = sum of g x
//   dsrc = scale[c] r[c] (g - dshift[c] / n - x dscale[c] / n)
//   src, ddst  as batch_norm's src
//   mean, variance, scale, shift  f32[C]; shift where there are a scale and an epilogue
//   epilogue   empty, or one of relu, leaky_relu and clip
//   ->         dsrc as src; with a scale also dscale f32[C] and dshift f32[C]
struct BatchNormBackward {
  using Attributes = BatchNorm::Attributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
