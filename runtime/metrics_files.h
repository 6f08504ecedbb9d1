// The two metrics files of a run: metrics.csv, a row an epoch, and metrics.jsonl, an object a step and an epoch.
// Resuming cuts them back to the checkpoint, so that they end up as those of a run never stopped, wall times apart.
#pragma once

#include "runtime/file_io.h"
#include "runtime/health_metrics.h"
#include "runtime/json_writer.h"

#include <cstdint>
#include <span>
#include <string>

namespace kiln::runtime {

struct StepMetrics {
  int64_t step = 0;    // steps done, this one included
  int64_t epoch = 0;   // from 1
  float loss = 0;      // mean of the batch
  double accuracy = 0; // NaN where labels are no classes: an empty field, null
  double learning_rate = 0;
};

struct EpochMetrics {
  int64_t epoch = 0; // from 1
  int64_t step = 0;  // steps done in the whole run
  double learning_rate = 0;
  double train_loss = 0; // means over the epoch's batches, as they were when trained on
  double train_accuracy = 0;
  double test_loss = 0; // NaN where not evaluated: an empty field, null
  double test_accuracy = 0;
  double seconds = 0; // training only, without evaluation
  double samples_per_second = 0;
};

// What is measured beside, under names that stay the same for all of a run: "test_top_5", "test_loss:aux".
struct NamedMetric {
  std::string name;
  double value = 0; // NaN as above
};

class MetricsFiles {
public:
  // Opens both for appending. `further`: the names of what each epoch gives beside, in its order.
  explicit MetricsFiles(const std::string& directory, std::span<const std::string> further = {});

  // Drops the rows of steps beyond `step`, of epochs beyond `epoch`, and a torn last line. Missing files are no error.
  static void cut_back(const std::string& directory, int64_t step, int64_t epoch);
  static std::string jsonl_path(const std::string& directory);

  // Allocates nothing; seen by readers after about a second. Whether it flushed.
  bool add_step(const StepMetrics& metrics);
  void add_epoch(const EpochMetrics& metrics, std::span<const NamedMetric> further = {});
  void add_health(const HealthMetrics& metrics);
  void flush();
  // Makes all rows durable: before a checkpoint that counts them as written.
  void sync();

private:
  AppendFile csv_;
  AppendFile jsonl_;
  JsonWriter json_;
  double last_flush_ = 0;
};

} // namespace kiln::runtime
