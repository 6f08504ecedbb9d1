// Interval packing: disjoint ranges, and arenas near what must be alive at once.
#include "passes/interval_packing.h"
#include "runtime/counter_random.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>

namespace kiln::passes {
namespace {

constexpr int64_t kAlignment = 64;

bool meet(const Interval& a, const Interval& b) { return a.first <= b.last && b.first <= a.last; }

int64_t align(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// What is alive at the fullest step: no packing needs less.
int64_t lower_bound(const std::vector<Interval>& intervals) {
  int64_t most = 0;
  for (const Interval& at : intervals) {
    int64_t alive = 0;
    for (const Interval& interval : intervals)
      if (interval.first <= at.first && at.first <= interval.last) alive += align(interval.bytes);
    most = std::max(most, alive);
  }
  return most;
}

void expect_sound(const std::vector<Interval>& intervals, const Packing& packing) {
  ASSERT_EQ(packing.offsets.size(), intervals.size());
  int64_t end = 0;
  for (size_t i = 0; i < intervals.size(); ++i) {
    EXPECT_EQ(packing.offsets[i] % kAlignment, 0);
    EXPECT_GE(packing.offsets[i], 0);
    end = std::max(end, packing.offsets[i] + align(intervals[i].bytes));
    for (size_t j = 0; j < i; ++j) {
      if (!meet(intervals[i], intervals[j])) continue;
      const bool disjoint = packing.offsets[i] + intervals[i].bytes <= packing.offsets[j] ||
                            packing.offsets[j] + intervals[j].bytes <= packing.offsets[i];
      EXPECT_TRUE(disjoint) << "intervals " << i << " and " << j;
    }
  }
  EXPECT_EQ(packing.bytes, end);
  EXPECT_GE(packing.bytes, lower_bound(intervals));
}

TEST(IntervalPacking, NothingNeedsNothing) { EXPECT_EQ(pack_intervals({}, kAlignment).bytes, 0); }

TEST(IntervalPacking, ReusesWhatIsFree) {
  const std::vector<Interval> intervals = {{100, 0, 1}, {100, 1, 2}, {100, 2, 3}};
  const Packing packing = pack_intervals(intervals, kAlignment);
  expect_sound(intervals, packing);
  EXPECT_EQ(packing.bytes, 256);
  EXPECT_EQ(packing.offsets[0], packing.offsets[2]);
}

TEST(IntervalPacking, FillsGapsThatAreWideEnough) {
  // Alive together: the three at step 1. The small ones fit where the large one ended.
  const std::vector<Interval> intervals = {{640, 0, 1}, {320, 1, 3}, {192, 2, 3}, {448, 2, 3}};
  const Packing packing = pack_intervals(intervals, kAlignment);
  expect_sound(intervals, packing);
  EXPECT_EQ(packing.bytes, 960);
}

TEST(IntervalPacking, EqualSizesKeepTheirOrder) {
  const std::vector<Interval> intervals(4, Interval{64, 0, 0});
  EXPECT_EQ(pack_intervals(intervals, kAlignment).offsets, (std::vector<int64_t>{0, 64, 128, 192}));
}

// Recorded from the training step of LeNet, batch 64, at v4, and of its prediction.
const std::vector<Interval> kLenetStep = {
    {200704, 0, 34},   {4718592, 1, 33},  {1179648, 2, 27}, {1048576, 3, 26}, {262144, 4, 5},   {204800, 5, 23},
    {128000, 6, 23},   {2560, 7, 13},     {256, 9, 10},     {64, 11, 12},     {256, 12, 13},    {2560, 13, 17},
    {64, 14, 15},      {128000, 16, 19},  {20032, 17, 18},  {2048, 20, 21},   {204800, 22, 25}, {1600000, 23, 24},
    {262144, 25, 26},  {1048576, 26, 32}, {204800, 27, 31}, {256, 28, 29},    {204800, 30, 32}, {1179648, 32, 33},
    {4718592, 33, 36}, {3200, 34, 35},    {128, 36, 37},    {640, 14, 14},    {409600, 27, 27}, {1024, 28, 28},
    {25600, 34, 34},   {1024, 36, 36}};
const std::vector<Interval> kLenetPredict = {{3136, 0, 1}, {73728, 1, 2}, {18432, 2, 3}, {16384, 3, 4},
                                             {4096, 4, 5}, {3200, 5, 6},  {2048, 6, 7},  {64, 7, 8}};

TEST(IntervalPacking, RecordedNetworksComeWithinTenPercentOfTheBound) {
  for (const auto* intervals : {&kLenetStep, &kLenetPredict}) {
    const Packing packing = pack_intervals(*intervals, kAlignment);
    expect_sound(*intervals, packing);
    EXPECT_LE(packing.bytes, lower_bound(*intervals) * 11 / 10);
  }
}

TEST(IntervalPacking, RandomIntervalsAreSoundAndNotWasteful) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    uint64_t next = 0;
    const auto draw = [&](int64_t below) {
      return static_cast<int64_t>(random::draw(seed, next++) % static_cast<uint32_t>(below));
    };
    std::vector<Interval> intervals;
    const int64_t count = 1 + draw(60);
    for (int64_t i = 0; i < count; ++i) {
      const auto first = static_cast<int32_t>(draw(40));
      intervals.push_back({1 + draw(5000), first, first + static_cast<int32_t>(draw(10))});
    }
    const Packing packing = pack_intervals(intervals, kAlignment);
    expect_sound(intervals, packing);
    EXPECT_LE(packing.bytes, 2 * lower_bound(intervals));
    EXPECT_EQ(packing.offsets, pack_intervals(intervals, kAlignment).offsets);
  }
}

} // namespace
} // namespace kiln::passes
