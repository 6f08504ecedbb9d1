// Reads every sample of a data set once and gathers all that is wrong with it.
// Nothing is repaired and nothing is left out: the list is complete, whatever of it is shown.
#pragma once

#include "runtime/data_facts.h"
#include "runtime/open_data.h"
#include "runtime/thread_pool.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kiln::runtime {

enum class FindingKind : uint8_t {
  unreadable,     // truncated, damaged, empty, vanished, of no known format
  label,          // out of the network's range
  empty_class,    // no sample of a class in a split
  duplicate,      // the same picture in two splits: what is tested was trained on
  contradiction,  // warning: the same picture with two labels in the training split
  imbalance,      // warning: a class with a tenth of another's training samples, or fewer
  mixed_channels, // warning: some images are grey, others in colour; they are converted
};
bool is_warning(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::unreadable;
  Split split = Split::train;
  int64_t sample = -1; // -1: none in particular
  std::string message;
};

struct DataScan {
  PerSplit<int64_t> samples;
  PerSplit<std::vector<int64_t>> class_counts;
  std::vector<Finding> findings; // by kind, split and sample

  bool has_errors() const;
};

// A range of 0 classes: labels are not looked at. What it ignores belongs to no class. `progress` is told how many
// samples are done, on the caller's thread. Pictures are the same when all bytes are, at the size that the network
// sees. Throws Error only for what is no sample's fault.
DataScan scan_data(const DataSplits& data, const LabelRange& labels, ThreadPool& pool,
                   const std::function<void(int64_t done, int64_t all)>& progress);

} // namespace kiln::runtime
