// Launches, work sharing, sleeping and waking; also kiln_parallel_for, its door for emitted code.
#include "runtime/thread_pool.h"

#include "runtime/abi.h"
#include "runtime/cpu.h"
#include "runtime/error.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <immintrin.h>
#include <linux/futex.h>
#include <string>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace kiln::runtime {

namespace {

constexpr uint32_t open_bit = 1u << 31;
// Pieces per thread and launch: enough that a thread which loses its CPU leaves work to others, few enough that the
// per-piece cost is nothing.
constexpr int64_t pieces_per_thread = 8;

// The pool whose task this thread is running, with its index there: a nested launch runs inline.
struct Current {
  const ThreadPool* pool = nullptr;
  int thread = 0;
};
thread_local Current current;

void sleep_while_equal(std::atomic<uint32_t>& word, uint32_t value) {
  static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void wake(std::atomic<uint32_t>& word, int count) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

// Waits up to `nanoseconds` for done() without giving up the CPU.
template <class Done> bool spin(int64_t nanoseconds, Done&& done) {
  if (done()) return true;
  if (nanoseconds == 0) return false;
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      _mm_pause();
    }
  } while (std::chrono::steady_clock::now() - start < std::chrono::nanoseconds(nanoseconds));
  return false;
}

} // namespace

struct alignas(64) ThreadPool::Range {
  std::atomic<int64_t> next = 0;
  int64_t end = 0;
  int64_t piece = 1;
};

ThreadPool::ThreadPool(int threads)
    : threads_(std::max(threads, 1)), spin_nanoseconds_(threads_ <= available_cpus() ? 20'000 : 0),
      ranges_(std::make_unique<Range[]>(static_cast<size_t>(threads_))) {
  workers_.reserve(static_cast<size_t>(threads_ - 1));
  try {
    for (int t = 1; t < threads_; ++t) workers_.emplace_back([this, t] { worker_main(t); });
  } catch (const std::system_error& error) {
    stop_workers();
    throw Error(ErrorKind::runtime, "cannot start " + std::to_string(threads_) + " threads: " + error.what());
  }
}

ThreadPool::~ThreadPool() { stop_workers(); }

void ThreadPool::stop_workers() {
  stopping_.store(true);
  launches_.fetch_add(1);
  wake(launches_, INT_MAX);
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_pieces(int64_t tasks, Piece piece, void* context) {
  if (tasks <= 0) return;
  const FlushDenormals flush;
  if (current.pool == this || threads_ == 1 || tasks == 1) {
    piece(context, 0, tasks, current.pool == this ? current.thread : 0);
    return;
  }

  piece_ = piece;
  context_ = context;
  for (int64_t t = 0; t < threads_; ++t) {
    Range& range = ranges_[static_cast<size_t>(t)];
    const int64_t begin = tasks * t / threads_;
    range.end = tasks * (t + 1) / threads_;
    range.piece = std::max<int64_t>(1, (range.end - begin) / pieces_per_thread);
    range.next.store(begin, std::memory_order_relaxed);
  }
  // The workers that join see everything above; those that come late find the launch closed and are not waited for.
  state_.store(open_bit, std::memory_order_release);
  launches_.fetch_add(1);
  // A worker announces itself as sleeper before it looks at launches_ a last time: one of the two sees the other.
  if (sleepers_.load() > 0) wake(launches_, static_cast<int>(std::min<int64_t>(tasks, threads_) - 1));

  const Current outer = std::exchange(current, Current{this, 0});
  work(0);
  current = outer;

  state_.fetch_and(~open_bit);
  const auto all_left = [this] { return state_.load(std::memory_order_acquire) == 0; };
  if (!spin(spin_nanoseconds_, all_left)) {
    caller_sleeps_.store(true);
    for (uint32_t seen = state_.load(); seen != 0; seen = state_.load()) sleep_while_equal(state_, seen);
    caller_sleeps_.store(false);
  }
  if (failed_.load(std::memory_order_relaxed)) {
    failed_.store(false, std::memory_order_relaxed);
    std::rethrow_exception(std::exchange(exception_, nullptr));
  }
}

// Takes pieces of the thread's own range, then of the others': a thread meets the same tasks in every launch of the
// same size, and with them the data that its caches hold, unless another is late.
void ThreadPool::work(int thread) {
  try {
    for (int i = 0; i < threads_; ++i) {
      Range& range = ranges_[static_cast<size_t>((thread + i) % threads_)];
      while (!failed_.load(std::memory_order_relaxed)) {
        if (range.next.load(std::memory_order_relaxed) >= range.end) break;
        const int64_t begin = range.next.fetch_add(range.piece, std::memory_order_relaxed);
        if (begin >= range.end) break;
        piece_(context_, begin, std::min(begin + range.piece, range.end), thread);
      }
    }
  } catch (...) {
    if (!failed_.exchange(true)) exception_ = std::current_exception();
  }
}

void ThreadPool::worker_main(int thread) {
  const FlushDenormals flush;
  current = {this, thread};
  uint32_t seen = 0;
  while (true) {
    const auto launched = [&] { return launches_.load(std::memory_order_acquire) != seen; };
    if (!spin(spin_nanoseconds_, launched)) {
      sleepers_.fetch_add(1);
      while (!launched()) sleep_while_equal(launches_, seen);
      sleepers_.fetch_sub(1);
    }
    if (stopping_.load()) return;
    seen = launches_.load(std::memory_order_acquire);

    uint32_t state = state_.load(std::memory_order_relaxed);
    while ((state & open_bit) && !state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire)) {
    }
    if (!(state & open_bit)) continue;
    work(thread);
    // The last one out of a closed launch wakes the caller.
    if (state_.fetch_sub(1) == 1 && caller_sleeps_.load()) wake(state_, 1);
  }
}

} // namespace kiln::runtime

extern "C" void kiln_parallel_for(const kiln_call* call, kiln_kernel kernel, const kiln_kernel_args* args,
                                  int64_t tasks) {
  auto& pool = *static_cast<kiln::runtime::ThreadPool*>(call->pool);
  pool.run(tasks, [=](int64_t begin, int64_t end, int thread) {
    kernel(args, begin, end, call->scratch + thread * call->scratch_bytes);
  });
}
