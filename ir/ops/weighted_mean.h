// WeightedMean: a batch's loss from its samples' losses, where samples do not count alike; and its gradient.
// What they count is a fact about labels, so no gradient flows there.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// weighted_mean(sum, weight): dst[0] = (sum over n of sum[n]) / (sum over n of weight[n]), 0 if nothing weighs
// anything.
//   sum     f32[N], what each sample adds, its weight in it
//   weight  f32[N]; no gradient flows to it
//   ->      f32[1]
struct WeightedMean {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
};

// weighted_mean_backward(weight, dy): dsum[n] = dy[0] / (sum over k of weight[k]), 0 if nothing weighs anything.
//   weight  f32[N]
//   dy      f32[1]
//   ->      f32[N]
struct WeightedMeanBackward {
  using Attributes = NoAttributes;
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
};

} // namespace kiln::ir
