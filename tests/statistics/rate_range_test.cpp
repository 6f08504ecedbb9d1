// Range tests whose answer is known: curves of a stated form, with and without noise.
#include "tools/statistics/rate_range.h"

#include <cmath>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::statistics {
namespace {

using testing::HasSubstr;

// 100 steps from 1e-6 to 1e3: ten to a factor of ten, or nearly.
std::vector<RateStep> steps_of(const std::function<double(double)>& loss_at_exponent, int count = 91) {
  std::vector<RateStep> steps;
  for (int i = 0; i < count; ++i) {
    const double exponent = -6 + 9.0 * i / (count - 1);
    steps.push_back({std::pow(10.0, exponent), loss_at_exponent(exponent)});
  }
  return steps;
}

// Falls from 2 to 0.5, fastest at 10^-2, and rises from 10^1 on.
double falling(double exponent) {
  return 2 - 1.5 / (1 + std::exp(-4 * (exponent + 2))) + std::exp(3 * (exponent - 1.5));
}

TEST(RateRange, SuggestsWhereTheLossFallsFastest) {
  const RateRange range = judge_rates(steps_of(falling));
  EXPECT_NEAR(std::log10(range.steepest), -2, 0.11);
  EXPECT_LE(range.suggested, range.least / 3);
  EXPECT_GT(range.suggested, range.least / 10 / 2.01);
  EXPECT_GT(range.least, 0.05);
  EXPECT_LT(range.least, 5);
  // 2 - 1.5 + e^(3 (x - 1.5)) = 2 at x = 1.5 + ln(1.5) / 3
  EXPECT_NEAR(std::log10(range.diverges), 1.5 + std::log(1.5) / 3, 0.3);
  EXPECT_THAT(range.reason, HasSubstr("falls fastest at a rate of 0.01"));
  EXPECT_THAT(range.reason, HasSubstr("above its start"));
}

TEST(RateRange, LooksThroughNoise) {
  uint32_t state = 1;
  const auto noise = [&] {
    state = state * 1664525 + 1013904223;
    return static_cast<double>(state >> 8) / (1 << 24) - 0.5;
  };
  const RateRange range = judge_rates(steps_of([&](double x) { return falling(x) + 0.2 * noise(); }, 401));
  EXPECT_NEAR(std::log10(range.steepest), -2, 0.5);
}

TEST(RateRange, SuggestsNothingWhereNothingFalls) {
  const RateRange flat = judge_rates(steps_of([](double) { return 2.3; }));
  EXPECT_EQ(flat.suggested, 0);
  EXPECT_THAT(flat.reason, HasSubstr("never falls"));
  const RateRange rising = judge_rates(steps_of([](double x) { return 2.3 + std::exp(x); }));
  EXPECT_EQ(rising.suggested, 0);
  EXPECT_GT(rising.diverges, 0);
}

TEST(RateRange, SaysWhenTheRangeEndsTooSoon) {
  const RateRange range = judge_rates(steps_of([](double x) { return 10 - x; }));
  EXPECT_THAT(range.reason, HasSubstr("still falls at the largest rate"));
  EXPECT_EQ(range.diverges, 0);
}

TEST(RateRange, NeedsSomeSteps) { EXPECT_THAT(judge_rates(steps_of(falling, 7)).reason, HasSubstr("too few")); }

TEST(RateRange, SuggestionsAreRound) {
  for (double center : {-3.9, -2.6, -1.75, -0.3}) {
    const RateRange range =
        judge_rates(steps_of([&](double x) { return 2 - 1.5 / (1 + std::exp(-4 * (x - center))); }));
    const double digit = range.suggested / std::pow(10.0, std::floor(std::log10(range.suggested) + 1e-9));
    EXPECT_TRUE(std::abs(digit - std::round(digit)) < 1e-6 && (std::round(digit) <= 3 || std::round(digit) == 5))
        << digit;
    const double exact = std::max(range.steepest, range.least / 10);
    EXPECT_LE(range.suggested, exact * 1.0001);
    EXPECT_GT(range.suggested, exact / 2.01);
  }
}

TEST(RateTestEnd, ComesWithHalfAsMuchAgain) {
  RateTestEnd end;
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(end.reached(1));
  for (int i = 0; i < 90; ++i) EXPECT_FALSE(end.reached(0.1));
  int more = 0;
  while (!end.reached(5)) ++more;
  // 0.1 + 4.9 (1 - 0.9^n) > 1.5 from n = 4 on.
  EXPECT_EQ(more, 3);
}

TEST(RateTestEnd, ComesWithWhatIsNotFinite) {
  EXPECT_TRUE(RateTestEnd().reached(std::nan("")));
  EXPECT_TRUE(RateTestEnd().reached(INFINITY));
}

TEST(RateTestEnd, LetsTheFirstStepsBe) {
  RateTestEnd end;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(end.reached(0.01));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(end.reached(100));
}

} // namespace
} // namespace kiln::statistics
