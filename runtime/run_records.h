// All records of a run, kept as one: metrics.csv, metrics.jsonl, events for TensorBoard, and report.html.
// Resuming cuts them back to the checkpoint: they end up as those of a run never stopped, but for wall times.
#pragma once

#include "runtime/event_file.h"
#include "runtime/html_report.h"
#include "runtime/metrics_files.h"
#include "runtime/run_history.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kiln::runtime {

class RunRecords {
public:
  // Drops what is younger than `step` and `epoch`, reads the rest and opens the files for more. `further`: the names of
  // what each epoch gives beside, in its order.
  RunRecords(const std::string& directory, ReportFacts facts, std::vector<std::string> further, int64_t step,
             int64_t epoch);

  void add_step(const StepMetrics& metrics); // allocates nothing; seen by readers after about a second
  void add_epoch(const EpochMetrics& metrics, std::span<const NamedMetric> further);
  void add_health(const HealthMetrics& metrics);
  // Makes all rows durable: before a checkpoint that counts them as written.
  void sync();
  // Replaces report.html by one of all there is so far.
  void write_report() const;

  // The last that was looked at, of this process or of one before; step 0: there was none.
  const HealthMetrics& last_health() const { return history_.last_health(); }

  static std::string report_path(const std::string& directory) { return join_path(directory, "report.html"); }

private:
  static const std::string& cut_back(const std::string& directory, int64_t step, int64_t epoch);

  std::string directory_;
  ReportFacts facts_;
  RunHistory history_;
  MetricsFiles files_;
  EventFile events_;
};

} // namespace kiln::runtime
