// What a run's records hold, in little memory, for its report: every epoch, and all steps in some hundred groups.
#pragma once

#include "runtime/metrics_files.h"

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

  const std::vector<std::string>& further_names() const { return further_names_; }
  const std::vector<Epoch>& epochs() const { return epochs_; }
  const std::vector<StepGroup>& groups() const { return groups_; }

private:
  void load_row(std::string_view row);

  std::vector<std::string> further_names_;
  std::vector<Epoch> epochs_;
  std::vector<StepGroup> groups_;
  int64_t steps_a_group_ = 1;
};

} // namespace kiln::runtime
