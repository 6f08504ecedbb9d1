// How an experiment is trained, as plain numbers: what runtime/abi.h calls kiln_training and kiln_schedule.
// Everything is counted in steps here, so the number of training samples must be known.
#pragma once

#include <cstdint>
#include <vector>

#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

// Formulas as kiln_schedule_kind of runtime/abi.h states them, in its order.
enum class ScheduleKind : uint8_t { fixed, step, multistep, exp, inv, poly, cosine };

struct Schedule {
  ScheduleKind kind = ScheduleKind::fixed;
  double base = 0;
  double gamma = 0;
  double power = 0;
  double floor = 0;
  int64_t every = 0;
  std::vector<int64_t> milestones;
  int64_t total_steps = 0;
  int64_t warmup_steps = 0;
};

struct Recipe {
  int64_t batch = 0;
  int64_t epochs = 0;
  uint64_t seed = 0;
  Schedule schedule;
  int64_t steps_per_epoch = 0;
  int64_t checkpoint_every_steps = 0;
  int64_t evaluate_every_epochs = 0;
  int64_t evaluation_batch = 0;
  bool shuffle = true;
  bool wrap_tail = false;
};

// Of a resolved training section without errors. Without samples (timing on synthetic data) an epoch is one step.
Recipe make_recipe(const proto::Training& training, int64_t train_samples);

} // namespace kiln::frontend
