// Rules that go by tests, on sequences of figures whose outcome is known.
#include "runtime/test_watch.h"

#include "runtime/error.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The tests, from 1, at which the rule fires.
std::vector<int> fired(const kiln_watch& watch, const std::vector<double>& values) {
  BestSoFar seen;
  std::vector<int> at;
  for (size_t i = 0; i < values.size(); ++i) {
    const bool is_loss = watch.measure == KILN_MEASURE_LOSS;
    const TestFigures figures = is_loss ? TestFigures{values[i], 0.5} : TestFigures{0.5, values[i]};
    if (observe(seen, watch, figures)) at.push_back(static_cast<int>(i) + 1);
  }
  return at;
}

TEST(TestWatch, FiresWhenTheMeasureHasNotImprovedInPatienceTests) {
  // Better at 1 and 2; 3, 4, 5 are not.
  EXPECT_THAT(fired({KILN_MEASURE_LOSS, 3, 0}, {1, 0.9, 0.95, 0.9, 1.5, 0.8, 0.7}), ElementsAre(5));
  EXPECT_THAT(fired({KILN_MEASURE_ACCURACY, 3, 0}, {0.5, 0.6, 0.55, 0.6, 0.1, 0.7, 0.8}), ElementsAre(5));
  EXPECT_THAT(fired({KILN_MEASURE_LOSS, 1, 0}, {1, 1, 0.5, 0.5}), ElementsAre(2, 4));
  EXPECT_THAT(fired({KILN_MEASURE_LOSS, 3, 0}, {1, 0.9, 0.95, 0.91, 0.8, 0.81, 0.82}), IsEmpty());
}

TEST(TestWatch, CountsAnewAfterFiring) {
  EXPECT_THAT(fired({KILN_MEASURE_LOSS, 2, 0}, {1, 1, 1, 1, 1, 1, 1}), ElementsAre(3, 5, 7));
}

TEST(TestWatch, ComparesWithTheBestAndNotWithTheLast) {
  EXPECT_THAT(fired({KILN_MEASURE_ACCURACY, 3, 0}, {0.9, 0.5, 0.6, 0.7, 0.8, 0.85, 0.89}), ElementsAre(4, 7));
}

TEST(TestWatch, SmallChangesDoNotCount) {
  EXPECT_THAT(fired({KILN_MEASURE_LOSS, 2, 0.1}, {1, 0.95, 0.91, 0.85}), ElementsAre(3));
  EXPECT_THAT(fired({KILN_MEASURE_LOSS, 2, 0.1}, {1, 0.95, 0.85, 0.8, 0.74}), IsEmpty());
}

TEST(TestWatch, WhatIsNoNumberIsNotBetter) {
  const double nan = std::nan("");
  EXPECT_THAT(fired({KILN_MEASURE_LOSS, 2, 0}, {nan, nan, 1, nan, 0.5}), ElementsAre(2));
  EXPECT_THAT(fired({KILN_MEASURE_ACCURACY, 3, 0}, {0.5, nan, nan, nan}), ElementsAre(4));
}

TEST(TestWatch, RatesAreDividedDownToTheLeast) {
  kiln_test_rules rules{};
  rules.factor = 5;
  rules.least_rate = 0.001;
  EXPECT_DOUBLE_EQ(divided_rate(0.1, rules, 0), 0.1);
  EXPECT_DOUBLE_EQ(divided_rate(0.1, rules, 1), 0.02);
  EXPECT_DOUBLE_EQ(divided_rate(0.1, rules, 2), 0.004);
  EXPECT_DOUBLE_EQ(divided_rate(0.1, rules, 3), 0.001);
  EXPECT_DOUBLE_EQ(divided_rate(0.1, rules, 1000000), 0.001);
  // In a warm-up.
  EXPECT_DOUBLE_EQ(divided_rate(0.0001, rules, 3), 0.0001);
}

TEST(TestWatch, TestsMustBeThere) {
  kiln_training training{};
  EXPECT_NO_THROW(require_tests(training, false, false));
  training.test_rules.keep_best = KILN_MEASURE_LOSS;
  EXPECT_THROW(require_tests(training, false, true), Error);
  EXPECT_NO_THROW(require_tests(training, true, false));
  training.test_rules.keep_best = KILN_MEASURE_ACCURACY;
  EXPECT_THROW(require_tests(training, true, false), Error);
  EXPECT_NO_THROW(require_tests(training, true, true));
  training.test_rules.keep_best = KILN_MEASURE_NEITHER;
  training.schedule.kind = KILN_SCHEDULE_PLATEAU;
  training.test_rules.plateau.measure = KILN_MEASURE_LOSS;
  EXPECT_THROW(require_tests(training, false, true), Error);
}

} // namespace
} // namespace kiln::runtime
