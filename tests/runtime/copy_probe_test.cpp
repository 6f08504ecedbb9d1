// The yardstick of memory: plausible, and monotone in nothing that load can break.
#include "runtime/copy_probe.h"

#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

TEST(CopyProbe, GivesARateForEverySize) {
  for (int threads : {1, 2}) {
    ThreadPool pool(threads);
    CopyProbe probe(pool);
    probe.measure();
    for (int64_t bytes = 1; bytes < int64_t{1} << 34; bytes *= 3) {
      EXPECT_GT(probe.rate(bytes), 0) << bytes;    // however little of the machine others leave
      EXPECT_LT(probe.rate(bytes), 4e12) << bytes; // two 64-byte accesses a cycle at 8 GHz on two cores, twice over
    }
  }
}

TEST(CopyProbe, KeepsTheBestOfSeveral) {
  ThreadPool pool(1);
  CopyProbe probe(pool);
  probe.measure();
  const double first = probe.rate(int64_t{1} << 20);
  probe.measure();
  EXPECT_GE(probe.rate(int64_t{1} << 20), first);
}

} // namespace
} // namespace kiln::runtime
