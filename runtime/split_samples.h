// Divides samples among training, validation and test: seeded, and with each class in the same proportion.
#pragma once

#include "runtime/data_facts.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kiln::runtime {

struct SplitShares {
  double validation = 0;
  double test = 0;
  uint64_t seed = 1; // not the training's: another run must not train on this one's test samples

  bool any() const { return validation > 0 || test > 0; }
};

// Of each class of n samples, round(n * share) go to validation and to test, but at least one each where n is 3 or
// more, drawn by (seed, class); the rest is for training. Each part is in the order of samples. A class's split does
// not depend on other classes.
PerSplit<std::vector<int64_t>> split_samples(std::span<const int32_t> labels, const SplitShares& shares);

} // namespace kiln::runtime
