// Delivers the batches of a run in order: assembled between steps by the threads that compute, or ahead of the step by
// workers of its own.
// Which batch is which is BatchOrder's word alone: the number of workers changes nothing but the time waited.
#pragma once

#include "runtime/batch_order.h"
#include "runtime/batch_reader.h"
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
    int64_t first_epoch = 0;
    int64_t first_step = 0;     // within the first epoch
    int64_t batches = 0;        // to deliver in all
    int workers = 0;            // 0: next() assembles the batch itself, on the threads of `pool`
    int slots = 4;              // batches in flight, the one in use included; at least 2 with workers
    ThreadPool* pool = nullptr; // null: next() uses its caller's thread alone
  };

  // Buffers are aligned and padded as KILN_BUFFER_ALIGNMENT asks, so that an instance uses them in place.
  // As the reader's parts: the rows of the batch's samples behind each other.
  using Batch = std::span<const void* const>;

  // `reader` must outlive the prefetcher. All memory is taken here.
  Prefetcher(const BatchReader& reader, const Options& options);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // Valid until the next call. At most Options::batches calls. Throws what reading a sample threw.
  Batch next();

  // The visit numbers of the batch that next() returned last.
  std::span<const int64_t> indices() { return slot_of(delivered_ - 1).indices; }

  // Time that next() has cost so far: what the input pipeline held the training up.
  double seconds_waited() const { return seconds_waited_; }

private:
  struct Slot {
    std::vector<MemoryBlock> blocks; // as the reader's parts
    std::vector<char*> parts;
    std::vector<const void*> data;
    std::vector<int64_t> indices;
    int64_t epoch = 0;
    BatchReader::Scratch scratch;
    int64_t ready_batch = -1;
    std::exception_ptr problem;
  };

  Slot& slot_of(int64_t batch) { return slots_[static_cast<size_t>(batch) % slots_.size()]; }
  void claim(int64_t batch); // decides the samples of a batch; in order of batches
  void fill(Slot& slot, ThreadPool* pool);
  void worker_main();

  const BatchReader& reader_;
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
