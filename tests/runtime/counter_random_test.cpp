// Philox against the known answers of its authors' library, the fixed meaning of keys and indices, and shuffling.
#include "runtime/counter_random.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace kiln::random {
namespace {

void expect_words(const Counter4<uint32_t>& got, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  EXPECT_EQ(got.x[0], a);
  EXPECT_EQ(got.x[1], b);
  EXPECT_EQ(got.x[2], c);
  EXPECT_EQ(got.x[3], d);
}

// From Random123's kat_vectors.
TEST(Philox, KnownAnswers) {
  expect_words(philox<uint32_t>({{0, 0, 0, 0}}, 0u, 0u), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
  const uint32_t ones = 0xffffffff;
  expect_words(philox<uint32_t>({{ones, ones, ones, ones}}, ones, ones), 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
               0x6d5451fd);
  expect_words(philox<uint32_t>({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822u, 0x299f31d0u),
               0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
}

// These values are part of the contract: checkpoints, recorded trajectories and emitted code depend on them.
TEST(Keys, ValuesAreFixed) {
  EXPECT_EQ(mix(uint64_t{0x9E3779B97F4A7C15}), 0xE220A8397B1DCDAFu); // first output of SplitMix64 from 0
  static_assert(stream_id("") == 0xF52A15E9A9B5E89Bu);
  static_assert(stream_id("conv1.weight") == 0x518ADAF9DFB88FBEu);
  EXPECT_EQ(stream_key(uint64_t{1}, uint64_t{2}, uint64_t{3}), 0xD0734750FDE362B3u);
}

TEST(Keys, EveryPartMatters) {
  std::set<uint64_t> keys;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    for (uint64_t when = 0; when < 8; ++when) {
      for (uint64_t stream = 0; stream < 8; ++stream) keys.insert(stream_key(seed, when, stream));
    }
  }
  EXPECT_EQ(keys.size(), 512u);
}

TEST(Draw, OneCallServesFourElements) {
  const uint64_t key = 0x0123456789ABCDEF;
  const uint64_t element = (uint64_t{5} << 34) + 4 * 77 + 2; // above 2^32 calls
  const uint64_t block = element / 4;
  const auto words = philox<uint32_t>({{static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0, 0}},
                                      0x89ABCDEFu, 0x01234567u);
  EXPECT_EQ(draw(key, element), words.x[2]);
  EXPECT_EQ(draw(key, element - 2), words.x[0]);
  EXPECT_NE(draw(key, element + 2), words.x[0]);
}

TEST(Uniform, EndsAndMoments) {
  EXPECT_EQ(uniform(0u), 0.0f);
  EXPECT_EQ(uniform(0xFFu), 0.0f);
  EXPECT_EQ(uniform(0xFFFFFFFFu), 1.0f - 0x1p-24f);
  EXPECT_EQ(uniform(0x80000000u), 0.5f);
  const int count = 1 << 20;
  double sum = 0, squares = 0;
  for (int i = 0; i < count; ++i) {
    const double u = uniform(draw(42, static_cast<uint64_t>(i)));
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / count, 0.5, 4 * 0.2887 / 1024);
  EXPECT_NEAR(squares / count, 1.0 / 3, 4 * 0.2981 / 1024);
}

TEST(Shuffle, IsAPermutationThatDependsOnSeedAndEpoch) {
  std::vector<uint32_t> first(60'000), again(60'000), epoch(60'000), seed(60'000);
  fill_permutation(1, 0, first);
  fill_permutation(1, 0, again);
  fill_permutation(1, 1, epoch);
  fill_permutation(2, 0, seed);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, epoch);
  EXPECT_NE(first, seed);
  std::sort(first.begin(), first.end());
  for (uint32_t i = 0; i < first.size(); ++i) ASSERT_EQ(first[i], i);
}

TEST(Shuffle, AllOrdersOfFourAreEquallyLikely) {
  std::vector<int> seen(256);
  const int rounds = 24'000;
  for (int round = 0; round < rounds; ++round) {
    uint32_t items[4];
    fill_permutation(7, static_cast<uint64_t>(round), items);
    ++seen[items[0] * 64 + items[1] * 16 + items[2] * 4 + items[3]];
  }
  double chi_squared = 0;
  int orders = 0;
  for (const int count : seen) {
    if (count == 0) continue;
    ++orders;
    chi_squared += (count - 1000.0) * (count - 1000.0) / 1000.0;
  }
  EXPECT_EQ(orders, 24);
  EXPECT_LT(chi_squared, 49.7); // 23 degrees of freedom: exceeded once in 1000
}

TEST(Shuffle, HandlesEmptyAndOne) {
  fill_permutation(1, 1, {});
  uint32_t one[1] = {9};
  fill_permutation(1, 1, one);
  EXPECT_EQ(one[0], 0u);
}

} // namespace
} // namespace kiln::random
