// Packs buffers with known lifetimes into one arena. A pure function: it knows sizes and lifetimes, nothing of graphs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kiln::passes {

struct Interval {
  int64_t bytes = 0;
  int32_t first = 0; // in use from this step ...
  int32_t last = 0;  // ... to this one, both included
};

struct Packing {
  std::vector<int64_t> offsets; // in the order of the intervals
  int64_t bytes = 0;            // of the arena
};

// Two intervals whose lifetimes meet get disjoint ranges. Offsets are multiples of `alignment`.
// Greedy by size (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020): the largest
// first, each at the lowest offset that is free over its lifetime.
Packing pack_intervals(std::span<const Interval> intervals, int64_t alignment);

} // namespace kiln::passes
