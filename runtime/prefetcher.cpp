// Delivers the batches of a run in order: assembled between steps by the threads that compute, or ahead of the step by
// workers of its own.
// Which batch is which is BatchOrder's word alone: the number of workers changes nothing but the time waited.
#include "runtime/prefetcher.h"

#include "runtime/error.h"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace kiln::runtime {

Prefetcher::Prefetcher(const BatchReader& reader, const Options& options)
    : reader_(reader), options_(options), order_(options.order), steps_per_epoch_(order_.steps_per_epoch()) {
  slots_.resize(options.workers == 0 ? 1 : static_cast<size_t>(std::max(options.slots, 2)));
  int64_t batch = options.order.batch;
  for (Slot& slot : slots_) {
    for (size_t part = 0; part < reader.parts(); ++part) {
      slot.blocks.push_back(MemoryBlock::allocate(batch * reader.sample_bytes(part)));
      slot.parts.push_back(slot.blocks.back().data());
      slot.data.push_back(slot.blocks.back().data());
    }
    slot.indices.resize(static_cast<size_t>(batch));
    slot.scratch = reader.make_scratch(options.workers == 0 ? options.pool : nullptr, batch);
  }
  try {
    for (int worker = 0; worker < options.workers; ++worker) workers_.emplace_back([this] { worker_main(); });
  } catch (const std::system_error& problem) {
    if (workers_.empty())
      throw Error(ErrorKind::runtime, std::string("cannot start an input thread: ") + problem.what());
    // Fewer workers give the same batches.
  }
}

Prefetcher::~Prefetcher() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  slot_free_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

Prefetcher::Batch Prefetcher::next() {
  auto start = std::chrono::steady_clock::now();
  int64_t batch = delivered_++;
  Slot& slot = slot_of(batch);
  if (workers_.empty()) {
    claim(batch);
    fill(slot, options_.pool);
  } else {
    std::unique_lock lock(mutex_);
    released_ = batch;
    slot_free_.notify_all();
    batch_ready_.wait(lock, [&] { return slot.ready_batch == batch; });
    if (slot.problem) std::rethrow_exception(slot.problem);
  }
  seconds_waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return slot.data;
}

void Prefetcher::claim(int64_t batch) {
  int64_t step = options_.first_step + batch;
  Slot& slot = slot_of(batch);
  slot.epoch = options_.first_epoch + step / steps_per_epoch_;
  order_.batch_indices(slot.epoch, step % steps_per_epoch_, slot.indices.data());
}

void Prefetcher::fill(Slot& slot, ThreadPool* pool) {
  reader_.read(slot.indices, slot.parts, pool, slot.epoch, slot.scratch);
}

void Prefetcher::worker_main() {
  std::unique_lock lock(mutex_);
  for (;;) {
    auto may_claim = [&] {
      return claimed_ < options_.batches && claimed_ < released_ + static_cast<int64_t>(slots_.size());
    };
    slot_free_.wait(lock, [&] { return stopping_ || claimed_ == options_.batches || may_claim(); });
    if (stopping_ || claimed_ == options_.batches) return;
    int64_t batch = claimed_++;
    Slot& slot = slot_of(batch);
    claim(batch);
    lock.unlock();
    std::exception_ptr problem;
    try {
      fill(slot, nullptr);
    } catch (...) {
      problem = std::current_exception();
    }
    lock.lock();
    slot.problem = problem;
    slot.ready_batch = batch;
    batch_ready_.notify_one();
  }
}

} // namespace kiln::runtime
