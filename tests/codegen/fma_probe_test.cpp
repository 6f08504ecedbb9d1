// The yardstick of `kiln time`: plausible at every level.
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
  for (int i = 0; i < 10; ++i) best = std::max(best, probe.measure(&pool, threads));
  return best;
}

// Only what no load on the machine can break: a loaded machine is slower, never faster than its pipelines.
TEST(FmaProbe, DoesTheWorkItCounts) {
  for (ir::IsaLevel level : {ir::IsaLevel::baseline, ir::IsaLevel::v2, ir::IsaLevel::v3, ir::IsaLevel::v4}) {
    if (level > host_isa_level()) continue;
    // Two vectors a cycle, a mul and an add each, at 8 GHz: beyond it the sums were optimised away.
    const double bound = 2.0 * 2 * ir::target_for(level).vector_width * 8e9;
    const double measured = best_of_some(level, 1);
    EXPECT_GT(measured, 1e7) << name_of(level);
    EXPECT_LT(measured, bound) << name_of(level);
  }
}

TEST(FmaProbe, RunsOnAllThreads) { EXPECT_GT(best_of_some(host_isa_level(), 3), 1e7); }

} // namespace
} // namespace kiln::codegen
