// Delivers the batches of a run in order, assembled ahead of the step by worker threads, or inline without any.
// Which batch is which is BatchOrder's word alone: the number of workers changes nothing but the time waited.
#pragma once

#include "runtime/batch_order.h"
#include "runtime/data_source.h"
#include "runtime/memory_block.h"

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace kiln::runtime {

class Prefetcher {
public:
  struct Options {
    BatchOrder::Options order;
    std::vector<size_t> fields; // of the source, those that batches hold
    int64_t first_epoch = 0;
    int64_t first_step = 0; // within the first epoch
    int64_t batches = 0;    // to deliver in all
    int workers = 0;        // 0: next() assembles the batch itself
    int slots = 4;          // batches in flight, the one in use included; at least 2 with workers
  };

  // Buffers are aligned and padded as KILN_BUFFER_ALIGNMENT asks, so that an instance uses them in place.
  // In the order of Options::fields: the rows of the batch's samples behind each other.
  using Batch = std::span<const void* const>;

  // `source` must outlive the prefetcher. All memory is taken here.
  Prefetcher(const DataSource& source, const Options& options);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // Valid until the next call. At most Options::batches calls. Throws what reading a sample threw.
  Batch next();

  // Time that next() has cost so far: what the input pipeline held the training up.
  double seconds_waited() const { return seconds_waited_; }

private:
  struct Slot {
    std::vector<MemoryBlock> blocks; // as Options::fields
    std::vector<const void*> data;
    std::vector<int64_t> indices;
    int64_t ready_batch = -1;
    std::exception_ptr problem;
  };

  Slot& slot_of(int64_t batch) { return slots_[static_cast<size_t>(batch) % slots_.size()]; }
  void claim(int64_t batch); // decides the samples of a batch; in order of batches
  void fill(Slot& slot);
  void worker_main();

  const DataSource& source_;
  Options options_;
  BatchOrder order_;
  int64_t steps_per_epoch_;
  std::vector<Slot> slots_;
  double seconds_waited_ = 0;
  int64_t delivered_ = 0;

  // Guards what follows, the order and the slots' ready_batch and problem.
  std::mutex mutex_;
  std::condition_variable batch_ready_;
  std::condition_variable slot_free_;
  int64_t claimed_ = 0;
  int64_t released_ = 0; // batches that the consumer is done with
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

} // namespace kiln::runtime
