// Every task runs once whatever the thread count; modes, nesting, exceptions and oversubscription.
#include "runtime/thread_pool.h"

#include "runtime/abi.h"
#include "runtime/cpu.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace kiln::runtime {
namespace {

class ThreadPoolSizes : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolSizes, ::testing::Values(1, 2, 3, 5, 16));

TEST_P(ThreadPoolSizes, EveryTaskRunsExactlyOnce) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 300; ++round) {
    for (const int64_t tasks : {0, 1, 2, 3, 7, 64, 1000}) {
      std::vector<std::atomic<int>> count(static_cast<size_t>(tasks));
      pool.run(tasks, [&](int64_t begin, int64_t end, int thread) {
        ASSERT_LT(begin, end);
        ASSERT_GE(thread, 0);
        ASSERT_LT(thread, pool.threads());
        for (int64_t i = begin; i < end; ++i) ++count[static_cast<size_t>(i)];
      });
      ASSERT_TRUE(std::all_of(count.begin(), count.end(), [](const auto& c) { return c == 1; }))
          << tasks << " tasks, round " << round;
    }
  }
}

TEST_P(ThreadPoolSizes, AThreadIndexIsNeverUsedTwiceAtOnce) {
  ThreadPool pool(GetParam());
  std::vector<std::atomic<int>> busy(static_cast<size_t>(pool.threads()));
  std::atomic<bool> clash = false;
  for (int round = 0; round < 200; ++round) {
    pool.run(64, [&](int64_t, int64_t, int thread) {
      if (busy[static_cast<size_t>(thread)].exchange(1) != 0) clash = true;
      std::this_thread::yield();
      busy[static_cast<size_t>(thread)] = 0;
    });
  }
  EXPECT_FALSE(clash);
}

TEST_P(ThreadPoolSizes, DenormalsAreFlushedOnEveryThreadAndTheCallerIsRestored) {
  ThreadPool pool(GetParam());
  volatile float tiny = 0x1p-126f;
  std::atomic<int> kept = 0;
  pool.run(200, [&](int64_t, int64_t, int) {
    const float half = tiny * 0.5f;
    if (half != 0) ++kept;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  });
  EXPECT_EQ(kept, 0);
  EXPECT_GT(tiny * 0.5f, 0.0f);
}

TEST_P(ThreadPoolSizes, ANestedRunIsInline) {
  ThreadPool pool(GetParam());
  std::atomic<int> inner_tasks = 0;
  std::atomic<bool> elsewhere = false;
  for (int round = 0; round < 50; ++round) {
    pool.run(8, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t i = begin; i < end; ++i) {
        const auto self = std::this_thread::get_id();
        pool.run(10, [&](int64_t inner_begin, int64_t inner_end, int inner_thread) {
          if (std::this_thread::get_id() != self || inner_thread != thread) elsewhere = true;
          inner_tasks += static_cast<int>(inner_end - inner_begin);
        });
      }
    });
  }
  EXPECT_EQ(inner_tasks, 50 * 80);
  EXPECT_FALSE(elsewhere);
}

TEST_P(ThreadPoolSizes, AnExceptionReachesTheCallerAndThePoolStaysUsable) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 100; ++round) {
    EXPECT_THROW(pool.run(100,
                          [&](int64_t begin, int64_t end, int) {
                            if (begin <= 63 && 63 < end) throw std::runtime_error("task 63");
                          }),
                 std::runtime_error);
    std::atomic<int64_t> sum = 0;
    pool.run(100, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
    EXPECT_EQ(sum, 100);
  }
}

TEST(ThreadPool, WorkIsShared) {
  ThreadPool pool(4);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  pool.run(64, [&](int64_t, int64_t, int) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::lock_guard lock(mutex);
    ids.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(ids.size(), 4u);
}

TEST(ThreadPool, ALateThreadLeavesItsTasksToOthers) {
  ThreadPool pool(2);
  std::atomic<int> by_fast = 0;
  std::atomic<bool> slow_taken = false;
  pool.run(64, [&](int64_t begin, int64_t end, int) {
    if (!slow_taken.exchange(true)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    } else {
      by_fast += static_cast<int>(end - begin);
    }
  });
  EXPECT_GT(by_fast, 40) << "all but the slow piece, half of the range of the slow thread among them";
}

TEST(ThreadPool, SleepingWorkersWakeUp) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1)); // long past the spinning
    std::atomic<int> done = 0;
    pool.run(3, [&](int64_t, int64_t, int) {
      ++done;
      // Each piece waits for the others: all three threads must have come.
      while (done < 3) std::this_thread::yield();
    });
    EXPECT_EQ(done, 3);
  }
}

TEST(ThreadPool, ManyMoreThreadsThanCpusFinishSoon) {
  ThreadPool pool(available_cpus() * 3);
  const auto start = std::chrono::steady_clock::now();
  std::atomic<int64_t> sum = 0;
  for (int round = 0; round < 2000; ++round) {
    pool.run(32, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
  }
  EXPECT_EQ(sum, 64'000);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(ThreadPool, ZeroThreadsMeansOne) {
  ThreadPool pool(0);
  EXPECT_EQ(pool.threads(), 1);
}

void count_kernel(const kiln_kernel_args* args, int64_t begin, int64_t end, void* scratch) {
  auto* count = static_cast<std::atomic<int>*>(args->operands[0]);
  for (int64_t i = begin; i < end; ++i) ++count[i];
  ++*static_cast<std::atomic<int>*>(scratch);
}

TEST(ThreadPool, ParallelForHandsEachThreadItsScratch) {
  ThreadPool pool(3);
  alignas(64) std::atomic<int> scratch[3][16] = {};
  std::vector<std::atomic<int>> count(100);
  kiln_call call = {};
  call.pool = &pool;
  call.scratch = reinterpret_cast<char*>(scratch);
  call.scratch_bytes = sizeof scratch[0];
  void* operands[] = {count.data()};
  const kiln_kernel_args args = {operands, nullptr, &call};
  kiln_parallel_for(&call, count_kernel, &args, 100);
  EXPECT_TRUE(std::all_of(count.begin(), count.end(), [](const auto& c) { return c == 1; }));
  int pieces = 0;
  for (const auto& piece : scratch) {
    pieces += piece[0];
    EXPECT_EQ(piece[1], 0);
  }
  EXPECT_GE(pieces, 1);
}

} // namespace
} // namespace kiln::runtime
