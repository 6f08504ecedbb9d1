// Checkpoints of a training run as safetensors files, durable and checked, and weights loaded from such files.
// A checkpoint holds everything that the rest of a run depends on: resuming from it gives the bits of a run never
// stopped.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace kiln::runtime {

class Instance;
class SafetensorsFile;
struct SafetensorsTensor;

inline constexpr double not_measured = std::numeric_limits<double>::quiet_NaN();

// Of the tests of a run by one measure.
struct BestSoFar {
  double best = not_measured;
  int64_t tests_since = 0; // that were not better
};

// Where a run stands. Counts what was consumed by steps, not what was prefetched.
struct TrainingPosition {
  int64_t epoch = 0;      // epochs finished, their evaluation and metrics included
  int64_t samples = 0;    // samples consumed of the next one; all of them while its evaluation is outstanding
  int64_t step = 0;       // optimiser steps done in the whole run
  double loss_sum = 0;    // over the samples of the unfinished epoch: losses ...
  double correct_sum = 0; // ... numbers of labels predicted ...
  double counted = 0;     // ... out of these; 0 where labels are no classes
  double last_train_loss = not_measured; // of the last finished epoch
  double last_train_accuracy = not_measured;
  double last_test_loss = not_measured; // of the last evaluation
  double last_test_accuracy = not_measured;
  BestSoFar plateau, early_stop, kept; // as runtime/test_watch.h has it
  int64_t rate_divisions = 0;          // that plateaus asked for
  int64_t is_stopped = 0;              // 1: the run has ended early
};

struct CheckpointInfo {
  TrainingPosition position;
  uint64_t seed = 0;
  int64_t batch = 0;
  int64_t train_samples = 0; // size of the data set
  std::string plan_hash;
  std::string experiment;
};

// Names under the checkpoint directory.
std::string last_checkpoint_path(const std::string& directory);
std::string previous_checkpoint_path(const std::string& directory);
// Of the weights of the best test.
std::string best_weights_path(const std::string& directory);
// What to test and predict with: these where they are kept and there, else the last checkpoint.
std::string trained_weights_path(const std::string& directory, bool keeps_best);

// Writes last.safetensors; the one it replaces becomes previous.safetensors. At any moment, a kill or a crash included,
// one of the two is whole. Throws Error: diverged if a state is not finite (nothing is replaced then),
// runtime if the file cannot be written.
void save_checkpoint(const std::string& directory, const Instance& instance, const CheckpointInfo& info);

// Throws Error (diverged) naming the tensor if a parameter, statistic or optimiser state is not finite.
void check_states_finite(const Instance& instance, int64_t step);

// Reads a checkpoint, verifies its payload checksum and writes the states into the instance. Throws Error: data on a
// damaged file or one whose tensors are not this program's; mismatch under another plan hash, unless `replan`.
CheckpointInfo load_checkpoint(const std::string& path, Instance& instance, bool replan);

struct ResumedCheckpoint {
  bool found = false;
  CheckpointInfo info;
  std::string path;
  std::string note; // not empty: why the previous checkpoint was taken instead of the last
};

// The last checkpoint of the directory, or the previous one if the last is missing or damaged; a damaged last one is
// then kept as damaged.safetensors. Throws if both are missing or damaged.
ResumedCheckpoint resume_checkpoint(const std::string& directory, Instance& instance, bool replan);

// What loading weights did; names of tensors.
struct LoadReport {
  std::string path;
  std::vector<std::string> loaded;
  std::vector<std::string> missing;       // wanted by the network, not in the file
  std::vector<std::string> unused;        // in the file, unknown to the network
  std::vector<std::string> mismatched;    // in both, of another shape or type; each with an explanation
  std::vector<std::string> reinitialized; // passed over, because the network says so

  std::string json() const;
  bool complete() const { return missing.empty() && mismatched.empty(); }
  std::string summary() const;
};

enum class Loading : uint8_t {
  to_use,  // as they were trained
  to_train // to start from: what the network wants to begin anew keeps what it holds
};

// Fills parameters and statistics by name from any safetensors file. Of a checkpoint that has a running mean of a
// parameter ("optimizer/NAME.average") it is taken for the parameter; other optimiser states are passed over. Running
// means of the network begin with what was loaded. Tensors that are missing or do not fit keep what they hold. Throws
// Error (data) on a damaged file and when nothing fits.
LoadReport load_weights(const std::string& path, Instance& instance, Loading loading = Loading::to_use);
// What a file calls the values that stand for a parameter or statistic; null if it has none.
const SafetensorsTensor* find_weights(const SafetensorsFile& file, const std::string& name);
// Throws Error (data) with the summary unless every parameter and statistic was loaded.
void require_complete(const LoadReport& report);

// Throws Error (data) if the file bears a checksum that is not its payload's; files of others bear none.
void verify_checksum(const SafetensorsFile& file);

// Parameters and statistics alone, for others to load; running means of parameters in their place.
void save_weights(const std::string& path, const Instance& instance);

} // namespace kiln::runtime
