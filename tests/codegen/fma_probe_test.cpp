// The yardstick of `kiln time`: plausible at every level, and wider vectors are seen to be wider.
#include "codegen/fma_probe.h"

#include "codegen/host_cpu.h"
#include "runtime/thread_pool.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace kiln::codegen {
namespace {

double best_of_some(ir::IsaLevel level, int threads) {
  runtime::ThreadPool pool(threads);
  FmaProbe probe(ir::target_for(level));
  double best = 0;
  for (int i = 0; i < 30; ++i) best = std::max(best, probe.measure(&pool, threads));
  return best;
}

TEST(FmaProbe, SeesTheVectorsOfALevel) {
  const double baseline = best_of_some(ir::IsaLevel::baseline, 1);
  EXPECT_GT(baseline, 1e9);
  EXPECT_LT(baseline, 1e11); // 4 lanes, a mul and an add a cycle at best: the sums were not optimised away
  if (host_isa_level() < ir::IsaLevel::v3) GTEST_SKIP() << "this machine lacks v3";
  // Twice the lanes, and mul and add in one: four times; clocks and neighbours may take half of it.
  EXPECT_GT(best_of_some(ir::IsaLevel::v3, 1), 2 * baseline);
}

TEST(FmaProbe, RunsOnAllThreads) { EXPECT_GT(best_of_some(host_isa_level(), 3), 1e9); }

} // namespace
} // namespace kiln::codegen
