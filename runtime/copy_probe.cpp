// The probe is memcpy: it uses the widest moves that the machine has.
#include "runtime/copy_probe.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

namespace kiln::runtime {

namespace {

constexpr double kSecondsEach = 0.004;

} // namespace

CopyProbe::CopyProbe(ThreadPool& pool)
    : pool_(pool), from_(MemoryBlock::allocate(kSizes.back() / 2 * pool.threads())),
      to_(MemoryBlock::allocate(kSizes.back() / 2 * pool.threads())) {
  memset(from_.data(), 1, static_cast<size_t>(from_.bytes())); // pages that were never written share one page
  memset(to_.data(), 1, static_cast<size_t>(to_.bytes()));
}

void CopyProbe::measure() {
  for (size_t i = 0; i < kSizes.size(); ++i) rates_[i] = std::max(rates_[i], copy_rate(kSizes[i]));
}

double CopyProbe::copy_rate(int64_t bytes) {
  const int64_t half = bytes / 2;
  int64_t rounds = 1;
  for (;;) {
    const auto start = std::chrono::steady_clock::now();
    pool_.run(pool_.threads(), [&](int64_t begin, int64_t end, int) {
      for (int64_t task = begin; task < end; ++task)
        for (int64_t round = 0; round < rounds; ++round)
          memcpy(to_.data() + task * half, from_.data() + task * half, static_cast<size_t>(half));
    });
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (elapsed.count() >= kSecondsEach || rounds > (int64_t{1} << 20))
      return static_cast<double>(bytes * rounds * pool_.threads()) / elapsed.count();
    rounds *= 2;
  }
}

double CopyProbe::rate(int64_t bytes) const {
  const double share = static_cast<double>(bytes) / pool_.threads();
  const auto size = [](size_t i) { return static_cast<double>(kSizes[i]); };
  if (share <= size(0)) return rates_.front();
  for (size_t i = 1; i < kSizes.size(); ++i) {
    if (share > size(i)) continue;
    const double at = std::log(share / size(i - 1)) / std::log(size(i) / size(i - 1));
    return rates_[i - 1] + at * (rates_[i] - rates_[i - 1]);
  }
  return rates_.back();
}

} // namespace kiln::runtime
