// Trains a compiled program on a data source: the loop behind `kiln train` and behind a native trainer.
// Killed anywhere and resumed, it ends with the bits of a run never stopped.
#pragma once

#include "runtime/abi.h"
#include "runtime/batch_reader.h"
#include "runtime/data_source.h"
#include "runtime/metrics_files.h"
#include "runtime/progress.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kiln::runtime {

class Instance;

struct TrainOptions {
  const kiln_program* program = nullptr;
  const kiln_training* training = nullptr;
  const DataSource* train = nullptr;
  const DataSource* test = nullptr; // null: nothing is evaluated
  Split evaluated = Split::test;    // which split `test` is: validation where there is one
  BadRecordPolicy on_bad_record = BadRecordPolicy::fail;

  int threads = 1; // computing and input together
  // How many of them do nothing but assemble batches ahead of the step. 0: all compute, and assemble the next batch
  // together between steps. Workers of its own only pay where files are slow to come. The bits are the same.
  int input_workers = 0;
  bool debug_arena = false;
  int64_t evaluate_batch = 0; // 0: the largest that the program has
  int64_t max_steps = 0;      // ends the run after this many steps since its very start; 0: no such end

  std::string run_directory; // empty: nothing is written, nothing can be resumed
  bool resume = false;       // from the directory's last checkpoint; from the start if it has none yet
  bool replan = false;       // accept a checkpoint of another plan, and so other bits
  std::string weights;       // safetensors to start from; overruled by a checkpoint
  // Fills the states that pre-processing takes from the training data. Called, where there is one, before the first
  // step unless a checkpoint or the weights have filled all states of these names.
  std::vector<std::string> data_statistics;
  std::function<void(Instance&)> measure_data;
  std::string kiln_version; // for environment.json
  // Called after each step with its own loss; false ends the run there.
  std::function<bool(const StepMetrics&)> watch_step;

  ProgressMode progress = ProgressMode::automatic; // on stderr
  bool catch_signals = true;                       // SIGINT and SIGTERM: checkpoint and return; a second one kills
};

struct TrainResult {
  int64_t epochs = 0;               // finished in the whole run
  int64_t steps = 0;                // done in the whole run
  int64_t bad_records = 0;          // passed over in the whole run
  bool stopped_early = false;       // by the rule early_stop
  double train_loss = 0;            // mean over the last epoch, or over what was done of an unfinished one
  double train_accuracy = 0;        // NaN where labels are no classes
  double test_loss = 0;             // NaN if there was no evaluation
  double test_accuracy = 0;         // likewise
  std::vector<NamedMetric> further; // what else the last test measured; empty if there was none
  double seconds = 0;               // of this process, all included
  double samples_per_second = 0;    // of this process, evaluation excluded
  int64_t peak_memory_bytes = 0;    // of the process, as the system saw it
  int64_t instance_memory_bytes = 0;
  std::string weights_sha256;
  int stopped_by_signal = 0; // SIGINT or SIGTERM; a shell expects exit code 128 + signal
};

// Throws Error: data (files, labels, shapes), diverged (loss or weights not finite; the last good checkpoint is kept),
// mismatch (resuming under another plan or seed), usage, runtime.
TrainResult train(const TrainOptions& options);

} // namespace kiln::runtime
