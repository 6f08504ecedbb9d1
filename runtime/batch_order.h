// Which sample stands where in an epoch: a pure function of (seed, epoch, position).
// Nothing else decides the order, so that resuming anywhere, with any number of workers, meets the same batches.
#pragma once

#include "runtime/epoch_samples.h"

#include <cstdint>
#include <vector>

namespace kiln::runtime {

class BatchOrder {
public:
  struct Options {
    int64_t samples = 0;
    int64_t batch = 1;
    uint64_t seed = 0;
    bool shuffle = true;
    // An epoch's incomplete last batch is filled from the epoch's start, else dropped.
    bool wrap_tail = false;
    // Where it is not every sample once: which ones an epoch has, `samples` of them. Must outlive the order.
    const EpochSamples* selected = nullptr;
  };

  explicit BatchOrder(const Options& options);

  int64_t steps_per_epoch() const;

  // Writes the `batch` visit numbers (epoch_samples.h) of step `step` of `epoch`. The permutation of the last epoch
  // asked for is kept: steps asked in sequence cost one shuffle an epoch, and no allocation.
  void batch_indices(int64_t epoch, int64_t step, int64_t* indices);

private:
  Options options_;
  int64_t epoch_ = -1;
  std::vector<uint32_t> permutation_; // empty when sequential
  std::vector<int64_t> visits_;       // of the epoch, where they are selected
};

} // namespace kiln::runtime
