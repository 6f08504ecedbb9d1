// Convolution taps along one axis.
#include "codegen/emit/conv_taps.h"

#include <algorithm>

namespace kiln::codegen {

AxisTaps forward_taps(const ir::WindowAxis& axis) {
  AxisTaps taps;
  taps.positions = axis.output();
  taps.source = axis.input;
  taps.step = axis.stride;
  taps.offset = -axis.pad_before;
  taps.spread = axis.dilation;
  taps.count = axis.kernel;
  return taps;
}

std::vector<AxisTaps> backward_taps(const ir::WindowAxis& axis, TapOrder order) {
  const int64_t stride = axis.stride;
  std::vector<AxisTaps> classes;
  for (int64_t residue = 0; residue < std::min(stride, axis.input); ++residue) {
    AxisTaps taps;
    taps.positions = (axis.input - residue + stride - 1) / stride;
    taps.result_first = residue;
    taps.result_step = stride;
    taps.source = axis.output();
    // Input residue + stride * a meets filter position k in window a + distance / stride.
    for (int64_t i = 0; i < axis.kernel; ++i) {
      const int64_t k = order == TapOrder::rising_source ? axis.kernel - 1 - i : i;
      const int64_t distance = residue + axis.pad_before - k * axis.dilation;
      if (distance % stride != 0) continue;
      if (taps.count == 0) {
        taps.offset = distance / stride;
        taps.filter_first = k;
      } else if (taps.count == 1) {
        taps.spread = distance / stride - taps.offset;
        taps.filter_step = k - taps.filter_first;
      }
      ++taps.count;
    }
    classes.push_back(taps);
  }
  return classes;
}

std::vector<TapRun> taps_of_tile(const AxisTaps& taps, int64_t begin, int64_t size) {
  std::vector<TapRun> runs;
  for (int64_t t = 0; t < taps.count; ++t) {
    std::vector<bool> reads(static_cast<size_t>(size));
    for (int64_t p = 0; p < size; ++p) reads[static_cast<size_t>(p)] = taps.reads(begin + p, t);
    if (std::find(reads.begin(), reads.end(), true) == reads.end()) continue;
    if (!runs.empty() && runs.back().end == t && runs.back().reads == reads)
      ++runs.back().end;
    else
      runs.push_back({t, t + 1, reads});
  }
  return runs;
}

std::vector<TileRun> cut_into_tiles(const AxisTaps& taps, int64_t size) {
  auto same_taps = [&](const TileRun& run, int64_t begin) {
    for (int64_t t = 0; t < taps.count; ++t)
      for (int64_t p = 0; p < run.size; ++p)
        if (taps.reads(run.begin + p, t) != taps.reads(begin + p, t)) return false;
    return true;
  };
  std::vector<TileRun> runs;
  for (int64_t begin = 0; begin < taps.positions; begin += size) {
    const int64_t actual = std::min(size, taps.positions - begin);
    if (!runs.empty() && runs.back().size == actual && same_taps(runs.back(), begin))
      ++runs.back().repeat;
    else
      runs.push_back({begin, actual, 1});
  }
  return runs;
}

} // namespace kiln::codegen
