// How an experiment is trained, as plain numbers.
// Turns epochs, which may be fractions, into steps; a period or milestone is at least one step.
#include "frontend/recipe.h"

#include <algorithm>
#include <cmath>

namespace kiln::frontend {
namespace {

// Products stay far below this: check_experiment bounds the factors, and a run of 2^53 steps never ends.
int64_t to_steps(double amount, double steps_per_unit) {
  constexpr double most = 9007199254740992.0; // 2^53
  return static_cast<int64_t>(std::min(std::round(amount * steps_per_unit), most));
}

Schedule make_schedule(const proto::LearningRate& rate, int64_t steps_per_epoch, int64_t total_steps) {
  Schedule schedule;
  double unit = rate.unit() == proto::EPOCH ? static_cast<double>(steps_per_epoch) : 1.0;
  schedule.base = rate.start();
  schedule.total_steps = total_steps;
  schedule.warmup_steps = to_steps(rate.warmup(), unit);
  switch (rate.schedule_case()) {
  case proto::LearningRate::kFixed:
  case proto::LearningRate::SCHEDULE_NOT_SET:
    schedule.kind = ScheduleKind::fixed;
    break;
  case proto::LearningRate::kStep:
    schedule.kind = ScheduleKind::step;
    schedule.gamma = rate.step().gamma();
    schedule.every = std::max<int64_t>(to_steps(rate.step().every(), unit), 1);
    break;
  case proto::LearningRate::kMultistep:
    schedule.kind = ScheduleKind::multistep;
    schedule.gamma = rate.multistep().gamma();
    for (double milestone : rate.multistep().milestone())
      schedule.milestones.push_back(std::max<int64_t>(to_steps(milestone, unit), 1));
    break;
  case proto::LearningRate::kExp:
    // gamma ^ (step / unit) = (gamma ^ (1 / unit)) ^ step
    schedule.kind = ScheduleKind::exp;
    schedule.gamma = std::pow(rate.exp().gamma(), 1 / unit);
    break;
  case proto::LearningRate::kInv:
    schedule.kind = ScheduleKind::inv;
    schedule.gamma = rate.inv().gamma() / unit;
    schedule.power = rate.inv().power();
    break;
  case proto::LearningRate::kPoly:
    schedule.kind = ScheduleKind::poly;
    schedule.power = rate.poly().power();
    break;
  case proto::LearningRate::kCosine:
    schedule.kind = ScheduleKind::cosine;
    schedule.floor = rate.cosine().floor();
    break;
  }
  return schedule;
}

} // namespace

Recipe make_recipe(const proto::Training& training, int64_t train_samples) {
  Recipe recipe;
  recipe.batch = training.batch();
  recipe.epochs = training.epochs();
  recipe.seed = training.seed();
  recipe.shuffle = training.shuffle();
  recipe.wrap_tail = training.tail() == proto::WRAP;
  int64_t tail = recipe.wrap_tail ? recipe.batch - 1 : 0;
  recipe.steps_per_epoch = std::max<int64_t>((train_samples + tail) / recipe.batch, 1);
  recipe.schedule =
      make_schedule(training.learning_rate(), recipe.steps_per_epoch, recipe.steps_per_epoch * recipe.epochs);
  recipe.checkpoint_every_steps = training.checkpoint_every_steps();
  recipe.evaluate_every_epochs = training.evaluate_every_epochs();
  recipe.evaluation_batch = training.evaluation_batch();
  return recipe;
}

} // namespace kiln::frontend
