// Greedy-by-size packing.
#include "passes/interval_packing.h"

#include <algorithm>
#include <numeric>

namespace kiln::passes {

Packing pack_intervals(std::span<const Interval> intervals, int64_t alignment) {
  const auto align = [&](int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; };
  std::vector<size_t> order(intervals.size());
  std::iota(order.begin(), order.end(), size_t{0});
  // Stable: equal sizes keep their order, so that the same graph gets the same offsets.
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return intervals[a].bytes > intervals[b].bytes; });

  Packing packing;
  packing.offsets.resize(intervals.size());
  std::vector<size_t> placed; // ascending offset
  for (size_t candidate : order) {
    const Interval& interval = intervals[candidate];
    int64_t offset = 0;
    for (size_t other : placed) {
      if (intervals[other].last < interval.first || interval.last < intervals[other].first) continue;
      if (packing.offsets[other] >= offset + align(interval.bytes)) break; // the gap before it is wide enough
      offset = std::max(offset, packing.offsets[other] + align(intervals[other].bytes));
    }
    packing.offsets[candidate] = offset;
    packing.bytes = std::max(packing.bytes, offset + align(interval.bytes));
    const auto position =
        std::find_if(placed.begin(), placed.end(), [&](size_t p) { return packing.offsets[p] > offset; });
    placed.insert(position, candidate);
  }
  return packing;
}

} // namespace kiln::passes
