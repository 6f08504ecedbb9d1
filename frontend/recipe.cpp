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

} // namespace

Recipe::Recipe(const proto::Training& training)
    : milestones_(training.learning_rate().multistep().milestone().begin(),
                  training.learning_rate().multistep().milestone().end()) {
  stated_.batch = training.batch();
  stated_.epochs = training.epochs();
  stated_.seed = training.seed();
  stated_.schedule = state_schedule(training.learning_rate());
  stated_.schedule.milestones = milestones_.data();
  stated_.schedule.milestone_count = static_cast<int32_t>(milestones_.size());
  stated_.checkpoint_every_steps = training.checkpoint_every_steps();
  stated_.evaluate_every_epochs = training.evaluate_every_epochs();
  stated_.health_every_steps = training.health().every_steps();
  stated_.evaluation_batch = training.evaluation_batch();
  stated_.shuffle = training.shuffle() ? 1 : 0;
  stated_.wrap_tail = training.tail() == proto::WRAP ? 1 : 0;
}

} // namespace kiln::frontend
