// The learning rate of a schedule at a step: the formulas of kiln_schedule in abi.h.
// Real powers and the cosine come from vector_math.h, since libm's bits differ by CPU; the rate is used as a float.
#include "runtime/schedule.h"

#include "runtime/vector_math.h"

#include <algorithm>

namespace kiln::runtime {
namespace {

double integer_power(double base, int64_t exponent) {
  double result = 1;
  for (double square = base; exponent > 0; exponent >>= 1, square *= square)
    if (exponent & 1) result *= square;
  return result;
}

double real_power(double base, double exponent) {
  return math::pow(static_cast<float>(base), static_cast<float>(exponent));
}

double cosine(double angle) { return std::clamp(math::cos(static_cast<float>(angle)), -1.0f, 1.0f); }

// From `first` to `last` along half a cosine, as `share` goes from 0 to 1.
double along_cosine(double first, double last, double share) {
  return last + (first - last) * (1 + cosine(3.14159265358979323846 * share)) / 2;
}

// How much of `total` has passed, in [0, 1].
double share_passed(int64_t step, int64_t total) {
  if (total <= 0 || step >= total) return 1;
  return static_cast<double>(step) / static_cast<double>(total);
}

double scheduled_rate(const kiln_schedule& schedule, int64_t step) {
  switch (schedule.kind) {
  case KILN_SCHEDULE_FIXED:
    return schedule.base;
  case KILN_SCHEDULE_STEP:
    return schedule.base * integer_power(schedule.gamma, schedule.every > 0 ? step / schedule.every : 0);
  case KILN_SCHEDULE_MULTISTEP: {
    int64_t passed = 0;
    for (int32_t index = 0; index < schedule.milestone_count; ++index) passed += schedule.milestones[index] <= step;
    return schedule.base * integer_power(schedule.gamma, passed);
  }
  case KILN_SCHEDULE_EXP:
    return schedule.base * integer_power(schedule.gamma, step);
  case KILN_SCHEDULE_INV:
    return schedule.base * real_power(1 + schedule.gamma * static_cast<double>(step), -schedule.power);
  case KILN_SCHEDULE_POLY:
    return schedule.base * real_power(1 - share_passed(step, schedule.total_steps), schedule.power);
  case KILN_SCHEDULE_COSINE:
    return along_cosine(schedule.base, schedule.floor, share_passed(step, schedule.total_steps));
  case KILN_SCHEDULE_SIGMOID:
    return schedule.base *
           math::sigmoid(static_cast<float>(-schedule.gamma * (static_cast<double>(step) - schedule.middle)));
  case KILN_SCHEDULE_ONE_CYCLE: {
    const double passed = share_passed(step, schedule.total_steps);
    if (passed < schedule.rise)
      return along_cosine(schedule.base / schedule.rise_from, schedule.base, passed / schedule.rise);
    return along_cosine(schedule.base, schedule.base / schedule.fall_to,
                        (passed - schedule.rise) / (1 - schedule.rise));
  }
  case KILN_SCHEDULE_PLATEAU:
    return schedule.base;
  }
  return schedule.base;
}

} // namespace

double learning_rate_at(const kiln_schedule& schedule, int64_t step) {
  double rate = scheduled_rate(schedule, step);
  if (step < schedule.warmup_steps)
    rate *= static_cast<double>(step + 1) / static_cast<double>(schedule.warmup_steps + 1);
  return rate;
}

} // namespace kiln::runtime
