// Divides samples among training, validation and test: seeded, and with each class in the same proportion.
#include "runtime/split_samples.h"

#include "runtime/counter_random.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace kiln::runtime {

PerSplit<std::vector<int64_t>> split_samples(std::span<const int32_t> labels, const SplitShares& shares) {
  std::map<int32_t, std::vector<uint32_t>> classes;
  for (size_t sample = 0; sample < labels.size(); ++sample)
    classes[labels[sample]].push_back(static_cast<uint32_t>(sample));
  PerSplit<std::vector<int64_t>> parts;
  for (auto& [label, samples] : classes) {
    random::shuffle(random::stream_key(shares.seed, static_cast<uint64_t>(label), random::stream_id("data.split")),
                    samples);
    const auto count = static_cast<int64_t>(samples.size());
    auto share_of = [&](double share) {
      const int64_t wanted = std::llround(static_cast<double>(count) * share);
      return share > 0 && count >= 3 ? std::max<int64_t>(wanted, 1) : wanted;
    };
    const int64_t tests = share_of(shares.test);
    const int64_t validations = std::min(share_of(shares.validation), count - tests);
    const auto first = samples.begin();
    parts[Split::test].insert(parts[Split::test].end(), first, first + tests);
    parts[Split::validation].insert(parts[Split::validation].end(), first + tests, first + tests + validations);
    parts[Split::train].insert(parts[Split::train].end(), first + tests + validations, samples.end());
  }
  for (Split split : all_splits) std::sort(parts[split].begin(), parts[split].end());
  return parts;
}

} // namespace kiln::runtime
