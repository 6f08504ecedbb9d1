// Groups of steps are joined two by two whenever there are too many.
#include "runtime/run_history.h"

#include "runtime/checkpoint.h"
#include "runtime/json_reader.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cmath>

namespace kiln::runtime {
namespace {

constexpr size_t most_groups = 512;

// Least, mean, largest.
std::array<double, 3> extent(const std::vector<double>& values) {
  if (values.empty()) return {not_measured, not_measured, not_measured};
  const auto [least, largest] = std::minmax_element(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  return {*least, sum / static_cast<double>(values.size()), *largest};
}

} // namespace

void join(StepGroup& group, const StepGroup& next) {
  group.last_step = next.last_step;
  group.steps += next.steps;
  group.loss_sum += next.loss_sum;
  group.least_loss = std::min(group.least_loss, next.least_loss);
  group.largest_loss = std::max(group.largest_loss, next.largest_loss);
  group.learning_rate = next.learning_rate;
}

RunHistory::RunHistory(std::vector<std::string> further_names) : further_names_(std::move(further_names)) {
  groups_.reserve(most_groups);
}

void RunHistory::load(const std::string& directory) {
  const std::string path = MetricsFiles::jsonl_path(directory);
  if (!file_exists(path)) return;
  const std::string text = read_text_file(path);
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    load_row(std::string_view(text).substr(begin, end - begin));
}

void RunHistory::load_row(std::string_view row) {
  JsonValue value;
  std::string problem;
  if (!parse_json(row, value, problem)) return;
  const JsonValue* kind = value.find("kind");
  if (!kind) return;
  if (kind->text == "step") {
    StepMetrics metrics;
    metrics.step = value.count("step");
    metrics.loss = static_cast<float>(value.number("loss"));
    metrics.learning_rate = value.number("learning_rate");
    add_step(metrics);
  }
  if (kind->text == "health") add_health(read_health(value));
  if (kind->text != "epoch") return;
  Epoch& epoch = epochs_.emplace_back();
  EpochMetrics& metrics = epoch.metrics;
  metrics.epoch = value.count("epoch");
  metrics.step = value.count("step");
  metrics.learning_rate = value.number("learning_rate");
  metrics.train_loss = value.number("train_loss");
  metrics.train_accuracy = value.number("train_accuracy");
  metrics.test_loss = value.number("test_loss");
  metrics.test_accuracy = value.number("test_accuracy");
  for (const std::string& name : further_names_) epoch.further.push_back(value.number(name));
}

void RunHistory::add_step(const StepMetrics& metrics) {
  const StepGroup step{metrics.step, 1, metrics.loss, metrics.loss, metrics.loss, metrics.learning_rate};
  if (!groups_.empty() && groups_.back().steps < steps_a_group_) return join(groups_.back(), step);
  if (groups_.size() == most_groups) {
    for (size_t i = 0; i < most_groups / 2; ++i) {
      groups_[i] = groups_[2 * i];
      join(groups_[i], groups_[2 * i + 1]);
    }
    groups_.resize(most_groups / 2);
    steps_a_group_ *= 2;
  }
  groups_.push_back(step);
}

void RunHistory::add_epoch(const EpochMetrics& metrics, std::span<const NamedMetric> further) {
  Epoch& epoch = epochs_.emplace_back();
  epoch.metrics = metrics;
  for (const NamedMetric& metric : further) epoch.further.push_back(metric.value);
}

void RunHistory::add_health(const HealthMetrics& metrics) {
  std::vector<double> ratios, shares;
  for (const HealthMetrics::Parameter& parameter : metrics.parameters)
    if (std::isfinite(parameter.update_to_weight())) ratios.push_back(parameter.update_to_weight());
  for (const HealthMetrics::Rectifier& rectifier : metrics.rectifiers) shares.push_back(rectifier.dead_share());
  const double norm = metrics.parameters.empty() ? not_measured : metrics.gradient_norm();
  health_.push_back({metrics.step, norm, extent(ratios), extent(shares)});
  last_health_ = metrics;
}

} // namespace kiln::runtime
