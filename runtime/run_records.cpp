// Each row goes to every file.
#include "runtime/run_records.h"

#include <array>

namespace kiln::runtime {

RunRecords::RunRecords(const std::string& directory, ReportFacts facts, std::vector<std::string> further, int64_t step,
                       int64_t epoch)
    : directory_(cut_back(directory, step, epoch)), facts_(std::move(facts)), history_(std::move(further)),
      files_(directory_, history_.further_names()), events_(directory_) {
  history_.load(directory_);
}

const std::string& RunRecords::cut_back(const std::string& directory, int64_t step, int64_t epoch) {
  MetricsFiles::cut_back(directory, step, epoch);
  EventFile::cut_back(directory, step, epoch);
  return directory;
}

void RunRecords::add_step(const StepMetrics& metrics) {
  history_.add_step(metrics);
  const std::array<EventScalar, 3> scalars = {{{"batch/loss", double{metrics.loss}},
                                               {"batch/accuracy", metrics.accuracy},
                                               {"batch/learning_rate", metrics.learning_rate}}};
  events_.add_step(metrics.step, scalars);
  if (files_.add_step(metrics)) events_.flush();
}

void RunRecords::add_epoch(const EpochMetrics& metrics, std::span<const NamedMetric> further) {
  history_.add_epoch(metrics, further);
  std::vector<EventScalar> scalars = {{"train_loss", metrics.train_loss},
                                      {"train_accuracy", metrics.train_accuracy},
                                      {"test_loss", metrics.test_loss},
                                      {"test_accuracy", metrics.test_accuracy},
                                      {"samples_per_second", metrics.samples_per_second}};
  for (const NamedMetric& metric : further) scalars.push_back({metric.name, metric.value});
  events_.add_epoch(metrics.step, scalars);
  events_.flush();
  files_.add_epoch(metrics, further);
}

void RunRecords::add_health(const HealthMetrics& metrics) {
  history_.add_health(metrics);
  files_.add_health(metrics);
  std::vector<std::pair<std::string, double>> named;
  if (!metrics.parameters.empty()) named.emplace_back("health/gradient_norm", metrics.gradient_norm());
  for (const HealthMetrics::Parameter& parameter : metrics.parameters) {
    named.emplace_back("gradient_norm/" + parameter.name, parameter.gradient_norm);
    named.emplace_back("update_to_weight/" + parameter.name, parameter.update_to_weight());
  }
  for (const HealthMetrics::Rectifier& rectifier : metrics.rectifiers)
    named.emplace_back("silent_share/" + rectifier.name, rectifier.silent_share());
  std::vector<EventScalar> scalars;
  for (const auto& [tag, value] : named) scalars.push_back({tag, value});
  events_.add_step(metrics.step, scalars);
}

void RunRecords::sync() {
  files_.sync();
  events_.sync();
}

void RunRecords::write_report() const { write_text_file(report_path(directory_), html_report(facts_, history_)); }

} // namespace kiln::runtime
