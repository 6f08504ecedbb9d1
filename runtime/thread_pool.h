// A fixed set of threads, the caller included, that runs the tasks of one launch at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace kiln::runtime {

// Which thread runs which task is not fixed: tasks must write disjoint memory, so that results do not depend on it.
// run() is for one caller at a time. Worker threads, and the caller while it is in run(), flush denormals.
class ThreadPool {
public:
  // `threads` counts the caller; 1 starts no thread and run() is a plain call. Throws Error if a thread cannot start.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls function(begin, end, thread) on pieces that together cover [0, tasks) once; returns when all are done.
  // `thread` is in [0, threads()) and no two pieces run on the same one at the same time. A call from inside a task
  // runs inline. If the function throws, the remaining pieces may be skipped and one of the exceptions is rethrown
  // here.
  template <class Function> void run(int64_t tasks, Function&& function) {
    using Plain = std::remove_reference_t<Function>;
    run_pieces(
        tasks,
        [](void* context, int64_t begin, int64_t end, int thread) {
          (*static_cast<Plain*>(context))(begin, end, thread);
        },
        const_cast<void*>(static_cast<const void*>(&function)));
  }

private:
  using Piece = void (*)(void* context, int64_t begin, int64_t end, int thread);
  struct Range; // the tasks first meant for one thread; others help when theirs are done

  void run_pieces(int64_t tasks, Piece piece, void* context);
  void work(int thread);
  void worker_main(int thread);
  void stop_workers();

  int threads_;
  int64_t spin_nanoseconds_;
  std::unique_ptr<Range[]> ranges_;
  Piece piece_ = nullptr;
  void* context_ = nullptr;
  std::exception_ptr exception_;
  std::atomic<bool> failed_ = false;
  // Changes with every launch (and at the end); idle workers sleep on it.
  alignas(64) std::atomic<uint32_t> launches_ = 0;
  std::atomic<int> sleepers_ = 0;
  std::atomic<bool> stopping_ = false;
  // open_bit while a launch accepts workers, plus the number of workers inside it; the caller sleeps on it.
  alignas(64) std::atomic<uint32_t> state_ = 0;
  std::atomic<bool> caller_sleeps_ = false;
  std::vector<std::thread> workers_;
};

} // namespace kiln::runtime
