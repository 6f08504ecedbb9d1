// Which sample stands where in an epoch: a pure function of (seed, epoch, position).
// Nothing else decides the order, so that resuming anywhere, with any number of workers, meets the same batches.
#include "runtime/batch_order.h"

#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/number_format.h"

#include <limits>

namespace kiln::runtime {

BatchOrder::BatchOrder(const Options& options) : options_(options) {
  if (options.samples < 1) throw Error(ErrorKind::data, "the data set is empty");
  if (options.batch < 1) throw Error(ErrorKind::usage, "the batch must hold at least 1 sample");
  if (steps_per_epoch() == 0)
    throw Error(ErrorKind::data, "the data set has " + format_integer(options.samples) +
                                     " samples, fewer than one batch of " + format_integer(options.batch) +
                                     ": use a smaller batch, or tail: wrap");
  if (!options.shuffle) return;
  if (options.samples > std::numeric_limits<uint32_t>::max())
    throw Error(ErrorKind::unsupported, "cannot shuffle more than 4294967295 samples");
  permutation_.resize(static_cast<size_t>(options.samples));
}

int64_t BatchOrder::steps_per_epoch() const {
  return (options_.samples + (options_.wrap_tail ? options_.batch - 1 : 0)) / options_.batch;
}

void BatchOrder::batch_indices(int64_t epoch, int64_t step, int64_t* indices) {
  if (epoch != epoch_) {
    if (options_.shuffle) random::fill_permutation(options_.seed, static_cast<uint64_t>(epoch), permutation_);
    if (options_.selected != nullptr) options_.selected->list(options_.seed, epoch, visits_);
    epoch_ = epoch;
  }
  for (int64_t row = 0; row < options_.batch; ++row) {
    int64_t position = (step * options_.batch + row) % options_.samples;
    if (options_.shuffle) position = permutation_[static_cast<size_t>(position)];
    indices[row] = options_.selected != nullptr ? visits_[static_cast<size_t>(position)] : position;
  }
}

} // namespace kiln::runtime
