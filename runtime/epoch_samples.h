// Which samples an epoch is made of where classes are balanced or chosen: a function of labels, rules, seed and epoch.
#pragma once

#include "runtime/abi.h"
#include "runtime/data_source.h"

#include <cstdint>
#include <vector>

namespace kiln::runtime {

// A sample on one of its visits of an epoch, as one number: the visit, from 0, stands above the sample. Draws of
// augmentation are keyed by it.
inline constexpr int kVisitShift = 40;
constexpr int64_t visit_number(int64_t sample, int64_t visit) { return sample | visit << kVisitShift; }
constexpr int64_t sample_of(int64_t number) { return number & ((int64_t{1} << kVisitShift) - 1); }
constexpr int64_t visit_of(int64_t number) { return number >> kVisitShift; }

// Whether an epoch is anything else than every sample once.
bool is_selective(const kiln_class_rules& rules);

class EpochSamples {
public:
  // Throws Error: model if labels are no classes, data if no class is left.
  EpochSamples(const DataSource& source, const kiln_class_rules& rules);

  int64_t size() const { return size_; } // visits an epoch
  // The visit numbers of an epoch, class by class. A class that is shown more often than it has samples shows each
  // equally often, and what is missing of them once more, drawn anew each epoch; one that is shown less often, as many
  // as it should, drawn likewise.
  void list(uint64_t seed, int64_t epoch, std::vector<int64_t>& numbers) const;

private:
  std::vector<std::vector<uint32_t>> classes_; // samples of those that are chosen
  int64_t shown_ = 0;                          // of each class; 0: all it has, once
  int64_t size_ = 0;
};

// Samples of an epoch: all of the source's, or those that the rules ask for. Throws as above.
int64_t samples_per_epoch(const DataSource& source, const kiln_class_rules& rules);

} // namespace kiln::runtime
