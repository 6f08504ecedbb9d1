// Learning rates against the formulas in abi.h, evaluated by libm.
#include "runtime/schedule.h"

#include <cmath>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

kiln_schedule schedule_of(kiln_schedule_kind kind) {
  kiln_schedule schedule = {};
  schedule.kind = kind;
  schedule.base = 0.1;
  schedule.gamma = 0.5;
  schedule.power = 0.75;
  schedule.floor = 0.001;
  schedule.every = 10;
  schedule.total_steps = 1000;
  return schedule;
}

TEST(Schedule, Fixed) { EXPECT_EQ(learning_rate_at(schedule_of(KILN_SCHEDULE_FIXED), 123456), 0.1); }

TEST(Schedule, Step) {
  kiln_schedule schedule = schedule_of(KILN_SCHEDULE_STEP);
  EXPECT_EQ(learning_rate_at(schedule, 9), 0.1);
  EXPECT_EQ(learning_rate_at(schedule, 10), 0.05);
  EXPECT_EQ(learning_rate_at(schedule, 39), 0.0125);
}

TEST(Schedule, Multistep) {
  kiln_schedule schedule = schedule_of(KILN_SCHEDULE_MULTISTEP);
  const int64_t milestones[] = {5, 100};
  schedule.milestones = milestones;
  schedule.milestone_count = 2;
  EXPECT_EQ(learning_rate_at(schedule, 4), 0.1);
  EXPECT_EQ(learning_rate_at(schedule, 5), 0.05);
  EXPECT_EQ(learning_rate_at(schedule, 99), 0.05);
  EXPECT_EQ(learning_rate_at(schedule, 100), 0.025);
}

TEST(Schedule, Exp) {
  kiln_schedule schedule = schedule_of(KILN_SCHEDULE_EXP);
  schedule.gamma = 0.9997;
  for (int64_t step : {0, 1, 2, 77, 5000})
    EXPECT_NEAR(learning_rate_at(schedule, step), 0.1 * std::pow(0.9997, static_cast<double>(step)), 1e-13);
}

TEST(Schedule, InvAsInCaffesLeNet) {
  kiln_schedule schedule = schedule_of(KILN_SCHEDULE_INV);
  schedule.base = 0.01;
  schedule.gamma = 0.0001;
  EXPECT_EQ(learning_rate_at(schedule, 0), 0.01);
  for (int64_t step : {1, 500, 10000})
    EXPECT_NEAR(learning_rate_at(schedule, step), 0.01 * std::pow(1 + 0.0001 * static_cast<double>(step), -0.75),
                0.01 * 1e-6);
}

TEST(Schedule, Poly) {
  kiln_schedule schedule = schedule_of(KILN_SCHEDULE_POLY);
  EXPECT_EQ(learning_rate_at(schedule, 0), 0.1);
  EXPECT_NEAR(learning_rate_at(schedule, 500), 0.1 * std::pow(0.5, 0.75), 1e-7);
  EXPECT_EQ(learning_rate_at(schedule, 1000), 0);
  EXPECT_EQ(learning_rate_at(schedule, 2000), 0);
}

TEST(Schedule, Cosine) {
  kiln_schedule schedule = schedule_of(KILN_SCHEDULE_COSINE);
  EXPECT_NEAR(learning_rate_at(schedule, 0), 0.1, 1e-9);
  for (int64_t step = 0; step <= 1000; step += 10) {
    double angle = std::acos(-1.0) * static_cast<double>(step) / 1000;
    EXPECT_NEAR(learning_rate_at(schedule, step), 0.001 + 0.099 * (1 + std::cos(angle)) / 2, 1e-7);
    EXPECT_GE(learning_rate_at(schedule, step), 0.001);
  }
  EXPECT_NEAR(learning_rate_at(schedule, 5000), 0.001, 1e-9);
}

TEST(Schedule, SigmoidFallsAroundItsMiddle) {
  kiln_schedule schedule = schedule_of(KILN_SCHEDULE_SIGMOID);
  schedule.gamma = 0.02;
  schedule.middle = 400;
  EXPECT_NEAR(learning_rate_at(schedule, 400), 0.05, 1e-8);
  for (int64_t step : {0, 1, 399, 500, 900})
    EXPECT_NEAR(learning_rate_at(schedule, step), 0.1 / (1 + std::exp(0.02 * (static_cast<double>(step) - 400))), 1e-8);
}

TEST(Schedule, OneCycleRisesAndFallsAlongCosines) {
  kiln_schedule schedule = schedule_of(KILN_SCHEDULE_ONE_CYCLE);
  schedule.rise = 0.25;
  schedule.rise_from = 25;
  schedule.fall_to = 10000;
  const double pi = std::acos(-1.0);
  for (int64_t step = 0; step <= 1000; step += 25) {
    const double passed = static_cast<double>(step) / 1000;
    const double expected = passed < 0.25 ? 0.1 - (0.1 - 0.004) * (1 + std::cos(pi * passed / 0.25)) / 2
                                          : 0.00001 + (0.1 - 0.00001) * (1 + std::cos(pi * (passed - 0.25) / 0.75)) / 2;
    EXPECT_NEAR(learning_rate_at(schedule, step), expected, 1e-7) << step;
  }
  EXPECT_NEAR(learning_rate_at(schedule, 0), 0.004, 1e-9);
  EXPECT_NEAR(learning_rate_at(schedule, 250), 0.1, 1e-9);
  EXPECT_NEAR(learning_rate_at(schedule, 1000), 0.00001, 1e-9);
}

TEST(Schedule, WarmupRisesLinearlyToTheSchedule) {
  kiln_schedule schedule = schedule_of(KILN_SCHEDULE_FIXED);
  schedule.warmup_steps = 4;
  for (int64_t step = 0; step < 4; ++step)
    EXPECT_NEAR(learning_rate_at(schedule, step), 0.1 * static_cast<double>(step + 1) / 5, 1e-15);
  EXPECT_EQ(learning_rate_at(schedule, 4), 0.1);
}

} // namespace
} // namespace kiln::runtime
