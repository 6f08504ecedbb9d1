// A stated recipe made countable: with the number of samples of an epoch (epoch_samples.h), times in epochs become
// steps.
#pragma once

#include "runtime/product.h"

#include <cstdint>
#include <vector>

namespace kiln::runtime {

// Batches an epoch makes; at least one, so that a recipe without samples (speed on synthetic data) has a length.
int64_t steps_per_epoch(const kiln_recipe& recipe, int64_t epoch_samples);

// The kiln_training of a recipe, with what it points to but the augmentation, which is the recipe's.
class Training {
public:
  Training(const kiln_recipe& recipe, int64_t epoch_samples);
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  const kiln_training& description() const { return description_; }

private:
  std::vector<int64_t> milestones_;
  kiln_training description_{};
};

} // namespace kiln::runtime
