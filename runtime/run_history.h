// What a run's records hold, in little memory, for its report: every epoch, and all steps in some hundred groups.
#pragma once

#include "runtime/health_metrics.h"
#include "runtime/metrics_files.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime {

// Steps that follow each other. How many a group holds is the same for all but the last, and a function of the number
// of steps alone, so that a run that was interrupted has the groups of one that was not.
struct StepGroup {
  int64_t last_step = 0;
  int64_t steps = 0;
  double loss_sum = 0;
  float least_loss = 0;
  float largest_loss = 0;
  double learning_rate = 0; // of the last step
};

// A network's health in one step, as the report draws it. NaN where there is nothing to say.
struct HealthPoint {
  int64_t step = 0;
  double gradient_norm = 0;
  // Of all parameters' ratios of update to weight, and of all rectifiers' dead shares: least, mean, largest.
  std::array<double, 3> update_to_weight{};
  std::array<double, 3> dead_share{};
};

// Adds the steps that follow a group's to it.
void join(StepGroup& group, const StepGroup& next);

class RunHistory {
public:
  struct Epoch {
    EpochMetrics metrics;
    std::vector<double> further; // in the order of the run's further names
  };

  explicit RunHistory(std::vector<std::string> further_names);

  // All that metrics.jsonl holds.
  void load(const std::string& directory);
  void add_step(const StepMetrics& metrics); // allocates nothing
  void add_epoch(const EpochMetrics& metrics, std::span<const NamedMetric> further);
  void add_health(const HealthMetrics& metrics);

  const std::vector<std::string>& further_names() const { return further_names_; }
  const std::vector<Epoch>& epochs() const { return epochs_; }
  const std::vector<StepGroup>& groups() const { return groups_; }
  const std::vector<HealthPoint>& health() const { return health_; }
  const HealthMetrics& last_health() const { return last_health_; } // step 0: there is none

private:
  void load_row(std::string_view row);

  std::vector<std::string> further_names_;
  std::vector<Epoch> epochs_;
  std::vector<StepGroup> groups_;
  int64_t steps_a_group_ = 1;
  std::vector<HealthPoint> health_;
  HealthMetrics last_health_;
};

} // namespace kiln::runtime
