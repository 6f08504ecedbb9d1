// How many bytes a second this machine moves right now, by how much there is to move: the yardstick of what is bound by
// memory, as multiply-adds a second are of what computes.
#pragma once

#include "runtime/memory_block.h"
#include "runtime/thread_pool.h"

#include <array>
#include <cstdint>

namespace kiln::runtime {

class CopyProbe {
public:
  // Takes two blocks of the largest size for each thread. Throws Error when there is no memory for them.
  explicit CopyProbe(ThreadPool& pool);

  // Copies working sets of several sizes on all threads, some 20 ms in all; the best rate of each size so far is kept:
  // what else runs on the machine can only slow it down.
  void measure();
  // Bytes read plus written a second, of all threads together, when `bytes` are read or written once: between the
  // measured sizes by the logarithm of the size.
  double rate(int64_t bytes) const;

private:
  // Read plus written, a thread: within the first-level cache, the second, a share of the third, and beyond.
  static constexpr std::array<int64_t, 5> kSizes = {int64_t{32} << 10, int64_t{256} << 10, int64_t{1} << 20,
                                                    int64_t{8} << 20, int64_t{64} << 20};

  double copy_rate(int64_t bytes);

  ThreadPool& pool_;
  MemoryBlock from_, to_;
  std::array<double, kSizes.size()> rates_{};
};

} // namespace kiln::runtime
