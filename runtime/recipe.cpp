// A stated recipe made countable.
// Epochs may be fractions; a period or milestone is at least one step.
#include "runtime/recipe.h"

#include <algorithm>
#include <cmath>

namespace kiln::runtime {
namespace {

// Products stay far below this: check_experiment bounds the factors, and a run of 2^53 steps never ends.
int64_t to_steps(double amount, double steps_per_unit) {
  constexpr double most = 9007199254740992.0; // 2^53
  return static_cast<int64_t>(std::min(std::round(amount * steps_per_unit), most));
}

kiln_schedule count_steps(const kiln_stated_schedule& stated, int64_t epoch_steps, int64_t total_steps) {
  const double unit = stated.in_epochs ? static_cast<double>(epoch_steps) : 1.0;
  kiln_schedule schedule{};
  schedule.kind = stated.kind;
  schedule.base = stated.base;
  schedule.gamma = stated.gamma;
  schedule.power = stated.power;
  schedule.floor = stated.floor;
  schedule.rise = stated.rise;
  schedule.rise_from = stated.rise_from;
  schedule.fall_to = stated.fall_to;
  schedule.total_steps = total_steps;
  schedule.warmup_steps = to_steps(stated.warmup, unit);
  switch (stated.kind) {
  case KILN_SCHEDULE_STEP:
    schedule.every = std::max<int64_t>(to_steps(stated.every, unit), 1);
    break;
  case KILN_SCHEDULE_EXP:
    // gamma ^ (step / unit) = (gamma ^ (1 / unit)) ^ step
    schedule.gamma = std::pow(stated.gamma, 1 / unit);
    break;
  case KILN_SCHEDULE_INV:
    schedule.gamma = stated.gamma / unit;
    break;
  case KILN_SCHEDULE_SIGMOID:
    schedule.gamma = stated.gamma / unit;
    schedule.middle = stated.middle * unit;
    break;
  case KILN_SCHEDULE_FIXED:
  case KILN_SCHEDULE_MULTISTEP: // the milestones are Training's
  case KILN_SCHEDULE_POLY:
  case KILN_SCHEDULE_COSINE:
  case KILN_SCHEDULE_ONE_CYCLE:
  case KILN_SCHEDULE_PLATEAU:
    break;
  }
  return schedule;
}

} // namespace

int64_t steps_per_epoch(const kiln_recipe& recipe, int64_t epoch_samples) {
  const int64_t tail = recipe.wrap_tail ? recipe.batch - 1 : 0;
  return std::max<int64_t>((epoch_samples + tail) / recipe.batch, 1);
}

Training::Training(const kiln_recipe& recipe, int64_t epoch_samples) {
  const int64_t epoch_steps = steps_per_epoch(recipe, epoch_samples);
  description_.batch = recipe.batch;
  description_.epochs = recipe.epochs;
  description_.seed = recipe.seed;
  int64_t total = 0;
  if (__builtin_mul_overflow(epoch_steps, recipe.epochs, &total)) total = INT64_MAX;
  description_.schedule = count_steps(recipe.schedule, epoch_steps, total);
  const double unit = recipe.schedule.in_epochs ? static_cast<double>(epoch_steps) : 1.0;
  for (int32_t i = 0; i < recipe.schedule.milestone_count; ++i)
    milestones_.push_back(std::max<int64_t>(to_steps(recipe.schedule.milestones[i], unit), 1));
  description_.schedule.milestones = milestones_.data();
  description_.schedule.milestone_count = static_cast<int32_t>(milestones_.size());
  description_.checkpoint_every_steps = recipe.checkpoint_every_steps;
  description_.evaluate_every_epochs = recipe.evaluate_every_epochs;
  description_.health_every_steps = recipe.health_every_steps;
  description_.test_rules = recipe.test_rules;
  description_.class_rules = recipe.class_rules;
  description_.shuffle = recipe.shuffle;
  description_.wrap_tail = recipe.wrap_tail;
  description_.augmentation = recipe.augmentation;
  description_.augmentation_count = recipe.augmentation_count;
}

} // namespace kiln::runtime
