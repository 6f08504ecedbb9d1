// Which source positions and filter taps each position of a convolution's result reads along one axis, and how an axis
// is cut into register tiles. Forward and backward-data convolution are the same gather over different taps.
#pragma once

#include "ir/window.h"

#include <cstdint>
#include <vector>

namespace kiln::codegen {

// Positions o in [0, positions) of the result, at coordinate result_first + o * result_step. Tap t in [0, count) of
// position o reads source coordinate o * step + offset + t * spread, if that lies in [0, source), and the filter's row
// (or column) filter_first + t * filter_step. spread or filter_step may be negative.
struct AxisTaps {
  int64_t positions = 0;
  int64_t result_first = 0;
  int64_t result_step = 1;
  int64_t source = 0;
  int64_t step = 1;
  int64_t offset = 0;
  int64_t spread = 1;
  int64_t count = 0;
  int64_t filter_first = 0;
  int64_t filter_step = 1;

  int64_t coordinate(int64_t o, int64_t t) const { return o * step + offset + t * spread; }
  bool reads(int64_t o, int64_t t) const { return coordinate(o, t) >= 0 && coordinate(o, t) < source; }
};

// The result is the window's output, the source its input.
AxisTaps forward_taps(const ir::WindowAxis& axis);

// What rises with the taps when source and filter run against each other.
enum class TapOrder : uint8_t { rising_source, rising_filter };

// The result is the window's input, the source its output. With a stride, positions of one residue read the same taps:
// an AxisTaps for each residue, some without any tap.
std::vector<AxisTaps> backward_taps(const ir::WindowAxis& axis, TapOrder order);

// `repeat` tiles of `size` positions, one after another from `begin`, whose positions read the same taps.
struct TileRun {
  int64_t begin = 0;
  int64_t size = 0;
  int64_t repeat = 0;
};

// Cuts the axis into tiles of `size` (the last may be smaller).
std::vector<TileRun> cut_into_tiles(const AxisTaps& taps, int64_t size);

// Taps [begin, end) that the same positions of a tile read; reads[p] tells whether position p of the tile does.
struct TapRun {
  int64_t begin = 0;
  int64_t end = 0;
  std::vector<bool> reads;
};

// The taps of the tile at [begin, begin + size), without those that no position reads.
std::vector<TapRun> taps_of_tile(const AxisTaps& taps, int64_t begin, int64_t size);

} // namespace kiln::codegen
