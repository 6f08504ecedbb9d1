// How an experiment is trained, as plain numbers.
#include "frontend/recipe.h"

namespace kiln::frontend {
namespace {

kiln_stated_schedule state_schedule(const proto::LearningRate& rate) {
  kiln_stated_schedule schedule{};
  schedule.in_epochs = rate.unit() == proto::EPOCH ? 1 : 0;
  schedule.base = rate.start();
  schedule.warmup = rate.warmup();
  switch (rate.schedule_case()) {
  case proto::LearningRate::kFixed:
  case proto::LearningRate::SCHEDULE_NOT_SET:
    schedule.kind = KILN_SCHEDULE_FIXED;
    break;
  case proto::LearningRate::kStep:
    schedule.kind = KILN_SCHEDULE_STEP;
    schedule.gamma = rate.step().gamma();
    schedule.every = rate.step().every();
    break;
  case proto::LearningRate::kMultistep:
    schedule.kind = KILN_SCHEDULE_MULTISTEP;
    schedule.gamma = rate.multistep().gamma();
    break;
  case proto::LearningRate::kExp:
    schedule.kind = KILN_SCHEDULE_EXP;
    schedule.gamma = rate.exp().gamma();
    break;
  case proto::LearningRate::kInv:
    schedule.kind = KILN_SCHEDULE_INV;
    schedule.gamma = rate.inv().gamma();
    schedule.power = rate.inv().power();
    break;
  case proto::LearningRate::kPoly:
    schedule.kind = KILN_SCHEDULE_POLY;
    schedule.power = rate.poly().power();
    break;
  case proto::LearningRate::kCosine:
    schedule.kind = KILN_SCHEDULE_COSINE;
    schedule.floor = rate.cosine().floor();
    break;
  case proto::LearningRate::kSigmoid:
    schedule.kind = KILN_SCHEDULE_SIGMOID;
    schedule.gamma = rate.sigmoid().gamma();
    schedule.middle = rate.sigmoid().middle();
    break;
  case proto::LearningRate::kOneCycle:
    schedule.kind = KILN_SCHEDULE_ONE_CYCLE;
    schedule.rise = rate.one_cycle().rise();
    schedule.rise_from = rate.one_cycle().rise_from();
    schedule.fall_to = rate.one_cycle().fall_to();
    break;
  case proto::LearningRate::kPlateau:
    schedule.kind = KILN_SCHEDULE_PLATEAU;
    break;
  }
  return schedule;
}

static_assert(static_cast<int>(proto::UP_SAMPLE) == KILN_UP_SAMPLE &&
              static_cast<int>(proto::DOWN_SAMPLE) == KILN_DOWN_SAMPLE);
static_assert(static_cast<int>(proto::LOSS) == KILN_MEASURE_LOSS &&
              static_cast<int>(proto::ACCURACY) == KILN_MEASURE_ACCURACY);

template <class Watch> kiln_watch state_watch(const Watch& watch) {
  return {static_cast<kiln_measure>(watch.measure()), watch.patience(), watch.least_change()};
}

kiln_test_rules state_test_rules(const proto::Training& training) {
  kiln_test_rules rules{};
  if (training.learning_rate().has_plateau()) {
    const proto::Plateau& plateau = training.learning_rate().plateau();
    rules.plateau = state_watch(plateau);
    rules.factor = plateau.factor();
    rules.least_rate = plateau.least_rate();
  }
  if (training.has_early_stop()) rules.early_stop = state_watch(training.early_stop());
  rules.keep_best = static_cast<kiln_measure>(training.keep_best());
  return rules;
}

} // namespace

Recipe::Recipe(const proto::Training& training)
    : milestones_(training.learning_rate().multistep().milestone().begin(),
                  training.learning_rate().multistep().milestone().end()) {
  stated_.batch = training.batch();
  stated_.epochs = training.epochs();
  stated_.seed = training.seed();
  stated_.schedule = state_schedule(training.learning_rate());
  if (const int64_t meant = training.learning_rate().per_batch(); meant > 0)
    stated_.schedule.base *= static_cast<double>(training.batch()) / static_cast<double>(meant);
  stated_.schedule.milestones = milestones_.data();
  stated_.schedule.milestone_count = static_cast<int32_t>(milestones_.size());
  stated_.checkpoint_every_steps = training.checkpoint_every_steps();
  stated_.evaluate_every_epochs = training.evaluate_every_epochs();
  stated_.health_every_steps = training.health().every_steps();
  stated_.test_rules = state_test_rules(training);
  stated_.class_rules = {static_cast<kiln_balance>(training.balance()), training.class_samples().at_least(),
                         training.class_samples().at_most()};
  weights_ = training.weights();
  stated_.weights = weights_.c_str();
  stated_.evaluation_batch = training.evaluation_batch();
  stated_.shuffle = training.shuffle() ? 1 : 0;
  stated_.wrap_tail = training.tail() == proto::WRAP ? 1 : 0;
}

} // namespace kiln::frontend
