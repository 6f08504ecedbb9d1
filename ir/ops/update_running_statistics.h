// UpdateRunningStatistics: running mean and variance take over a share of a batch's.
// An effect: it writes both states and has no result. No optimiser touches them.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// update_running_statistics(@mean, @variance, batch_mean, batch_variance), per channel:
//   mean = (1 - share) mean + share batch_mean
//   variance = (1 - share) variance + share batch_variance count / (count - 1)
// as PyTorch's momentum, the running variance being the unbiased one; of a lone value it stays the biased one, 0.
//   @mean, @variance            states, f32[C]
//   batch_mean, batch_variance  f32[C], as batch_norm gives them (biased)
//   share                       0 to 1
//   count                       values a channel that the batch's statistics were taken over
struct UpdateRunningStatistics {
  struct Attributes {
    double share = 0.1;
    int64_t count = 1;
    void fields(FieldVisitor& visit) {
      visit("share", share);
      visit("count", count);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static constexpr Traits traits = {.any_layout = true, .effect = true};

  // The factors of a running statistic's old and the batch's value.
  static double kept(const Attributes& attributes) { return 1 - attributes.share; }
  static double mean_factor(const Attributes& attributes) { return attributes.share; }
  static double variance_factor(const Attributes& attributes) {
    const auto count = static_cast<double>(attributes.count);
    return attributes.count > 1 ? attributes.share * count / (count - 1) : attributes.share;
  }
};

} // namespace kiln::ir
