// Gathering convolution: register tiles, the loops around them, and their edges.
//
// A tile sums over source blocks, filter rows, filter columns and the channels of a block, in that order. Taps that lie
// in the padding are left out: by the bounds of the filter-row loop where a tile is one row high, and at emission time
// elsewhere: tiles at an edge are code of their own, in which each tap updates only the pixels that read the source.
#include "codegen/emit/gather_convolution.h"

#include "codegen/emit/epilogue.h"
#include "codegen/emit/partial_block.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>

namespace kiln::codegen {

namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t result_blocks(const GatherConvolution& c) { return divide_up(c.result_channels, c.result_block); }
int64_t source_blocks(const GatherConvolution& c) { return divide_up(c.source_channels, c.source_block); }

// Lanes of the group's last block that a tile works on, where it covers all blocks of the group.
int32_t last_lanes(const GatherConvolution& c) {
  return lanes_worked_on(c.result_channels - (result_blocks(c) - 1) * c.result_block, c.result_block);
}

// Rough cycles of one channel's step of a tile: multiply-adds against loads, of which a core does two a cycle (loads
// not quite, as measured: many accumulators of one block are slower than fewer of two), the latency of a chain of
// additions, and weights that come from the second-level cache. `saved`: what of a block the last one is short of.
double step_cycles(const ir::Target& target, int64_t blocks, double saved, int64_t pixels) {
  const double sums =
      (static_cast<double>(blocks) - saved) * static_cast<double>(pixels) * (target.has_fma ? 0.5 : 1.0);
  const double loads = static_cast<double>(blocks + pixels) * 0.58;
  return std::max({sums, loads, 4.0}) + 0.3 * static_cast<double>(blocks) + 0.5;
}

double tile_cycles(const GatherConvolution& c, const ir::Target& target, const GatherTile& tile, const AxisTaps& rows,
                   const AxisTaps& columns) {
  const double steps = static_cast<double>(c.source_channels * rows.count * columns.count);
  const double saved = tile.blocks == result_blocks(c) ? 1 - static_cast<double>(last_lanes(c)) / c.result_block : 0;
  double cycles = 0;
  for (int64_t y = 0; y < rows.positions; y += tile.rows) {
    // Whole strips of rows cost the same: count one and take it as often as there are.
    const int64_t height = std::min(tile.rows, rows.positions - y);
    const int64_t strips = height == tile.rows ? rows.positions / tile.rows : 1;
    for (int64_t x = 0; x < columns.positions; x += tile.columns) {
      const int64_t pixels = height * std::min(tile.columns, columns.positions - x);
      cycles += static_cast<double>(strips) * (steps * step_cycles(target, tile.blocks, saved, pixels) +
                                               1.5 * static_cast<double>(tile.blocks * pixels) + 20);
    }
    y += (strips - 1) * tile.rows;
  }
  return cycles;
}

// Filter columns of a depthwise convolution whose weights are in registers at one time.
int64_t held_taps(const GatherConvolution& c, const ir::Target& target) {
  int64_t taps = 1;
  for (const AxisTaps& columns : c.columns) taps = std::max(taps, columns.count);
  return std::min<int64_t>(taps, target.vector_registers / 4);
}

bool fits_registers(const GatherConvolution& c, const ir::Target& target, int64_t blocks, int64_t pixels) {
  // Beside the accumulators: vectors of weights, a source value, and a product where they are not fused.
  // Source columns of a depthwise convolution are loaded ahead of the taps that meet them: one more.
  const int64_t weights = c.depthwise ? held_taps(c, target) + 1 : blocks;
  return blocks * pixels + weights + (target.has_fma ? 1 : 2) <= target.vector_registers;
}

class GatherEmitter {
public:
  GatherEmitter(KernelBuilder& k, const GatherConvolution& c)
      : k_(k), c_(c), tile_(choose_tile(c, k.target())), tasks_(c, tile_, k.target()), source_(k.operand(0)),
        weights_(k.operand(1)), result_(k.operand(2 + static_cast<int32_t>(ir::operand_count(c.epilogue)))),
        last_lanes_(tile_.blocks == result_blocks(c) ? last_lanes(c) : c.result_block),
        epilogue_(k, c.epilogue, 2, c.channels, c.result_block),
        last_epilogue_(k, c.epilogue, 2, c.channels, last_lanes_) {}

  void run() {
    k_.begin_tasks([&](Index index) {
      const GatherTasks::Task task = tasks_.decode(index);
      const Index source_block = task.sample * (c_.groups * source_blocks(c_)) + task.group * source_blocks(c_);
      const Index result_block = task.group * result_blocks(c_) + task.block;
      const Index result_plane = task.sample * (c_.groups * result_blocks(c_)) + result_block;
      task_source_ = source_ + source_block * source_plane();
      task_offset_ = result_plane * result_plane_size();
      task_weights_ = weights_ + (task.group * c_.weight_group + task.block * c_.weight_result_block);
      channel_ = result_block * c_.result_block;
      for (const AxisTaps& rows : c_.rows)
        for (const AxisTaps& columns : c_.columns) emit_class(task, rows, columns);
    });
  }

private:
  // The part of a tile's work that the filter row decides: which taps, and which rows of the tile read them.
  struct Strip {
    const AxisTaps* rows;
    Index begin; // first row of the tile
    int64_t height;
    Index first_tap, last_tap; // one row: the taps [first, last) that it reads
    std::vector<TapRun> taps;  // several rows
  };
  struct TilePlace {
    const Strip* strip;
    const AxisTaps* columns;
    Index begin; // first column
    int64_t width;
    std::vector<TapRun> taps;
  };

  int64_t source_plane() const { return c_.source_rows * c_.source_columns * c_.source_block; }
  int64_t result_plane_size() const { return c_.result_rows * c_.result_columns * c_.result_block; }

  void emit_class(const GatherTasks::Task& task, const AxisTaps& rows, const AxisTaps& columns) {
    if (tile_.rows == 1) {
      k_.for_range(task.row_begin, min(task.row_end, rows.positions), 1,
                   [&](Index row) { emit_strip(row_strip(rows, row), columns); });
      return;
    }
    for (const TileRun& run : cut_into_tiles(rows, tile_.rows))
      for_tiles(run, [&](Index row) {
        emit_strip(Strip{&rows, row, run.size, {}, {}, taps_of_tile(rows, run.begin, run.size)}, columns);
      });
  }

  // One row, and the taps of it that lie in the source: 0 <= row * step + offset + t * spread < source.
  Strip row_strip(const AxisTaps& rows, Index row) {
    const Index first = row * rows.step + rows.offset;
    const int64_t distance = std::abs(rows.spread);
    // Divisions round up resp. down; what would be negative counts as 0.
    const Index begin = rows.spread > 0 ? distance - 1 - first : first + (distance - rows.source);
    const Index end = rows.spread > 0 ? rows.source + distance - 1 - first : first + distance;
    return {&rows, row, 1, max(begin, 0) / distance, min(max(end, 0) / distance, rows.count), {}};
  }

  template <class Body> void for_tiles(const TileRun& run, Body body) {
    if (run.repeat == 1)
      body(k_.index(run.begin));
    else
      k_.for_range(run.begin, run.begin + run.size * run.repeat, run.size, body);
  }

  void emit_strip(const Strip& strip, const AxisTaps& columns) {
    for (const TileRun& run : cut_into_tiles(columns, tile_.columns))
      for_tiles(run, [&](Index column) {
        emit_tile({&strip, &columns, column, run.size, taps_of_tile(columns, run.begin, run.size)});
      });
  }

  void emit_tile(const TilePlace& place) {
    const AxisTaps& rows = *place.strip->rows;
    const AxisTaps& columns = *place.columns;
    sums_.clear();
    for (int64_t b = 0; b < tile_.blocks; ++b) {
      const F32 start = epilogue_of(b).start(channel_ + b * c_.result_block);
      for (int64_t p = 0; p < place.strip->height * place.width; ++p) sums_.push_back(k_.variable(start));
    }
    if (rows.count > 0 && columns.count > 0) {
      const Index row = place.strip->begin * rows.step + rows.offset;
      const Index column = place.begin * columns.step + columns.offset;
      const Pointer source = task_source_ + (row * c_.source_columns + column) * c_.source_block;
      k_.for_range(0, source_blocks(c_), 1, [&](Index block) {
        emit_rows(place, block, source + block * source_plane(), task_weights_ + block * c_.weight_source_block);
      });
    }
    store_tile(place);
  }

  void emit_rows(const TilePlace& place, Index block, Pointer source, Pointer weights) {
    const AxisTaps& rows = *place.strip->rows;
    auto at_tap = [&](Index tap, const std::vector<bool>& reads) {
      emit_columns(place, reads, block, source + tap * (rows.spread * c_.source_columns * c_.source_block),
                   weights + (tap * (rows.filter_step * c_.weight_row) + rows.filter_first * c_.weight_row));
    };
    if (place.strip->height == 1 && tile_.rows == 1) {
      if (rows.count == 1 && always_reads(rows))
        at_tap(k_.index(0), {true});
      else
        k_.for_range(place.strip->first_tap, place.strip->last_tap, 1, [&](Index tap) { at_tap(tap, {true}); });
      return;
    }
    for (const TapRun& run : place.strip->taps) for_taps(run, [&](Index tap) { at_tap(tap, run.reads); });
  }

  void emit_columns(const TilePlace& place, const std::vector<bool>& rows_read, Index block, Pointer source,
                    Pointer weights) {
    if (c_.depthwise) return emit_lanes(place, rows_read, source, weights);
    const AxisTaps& columns = *place.columns;
    const int64_t source_step = columns.spread * c_.source_block;
    const int64_t weight_step = columns.filter_step * c_.weight_column;
    for (const TapRun& run : place.taps)
      walk(run.end - run.begin, source + run.begin * source_step, source_step,
           weights + (columns.filter_first * c_.weight_column + run.begin * weight_step), weight_step,
           [&](Pointer from, Pointer by) { emit_channels(place, rows_read, run.reads, block, from, by); });
  }

  // All products of a depthwise convolution at one filter row. Neighbouring pixels read the same source columns at
  // neighbouring taps: each column is loaded once and meets all of them, some taps at a time.
  void emit_lanes(const TilePlace& place, const std::vector<bool>& rows_read, Pointer source, Pointer weights) {
    const AxisTaps& columns = *place.columns;
    const int64_t held = held_taps(c_, k_.target());
    for (int64_t first = 0; first < columns.count; first += held) {
      struct Product {
        int64_t pixel, tap;
      };
      std::map<int64_t, std::vector<Product>> products; // by source column, from the tile's first one
      std::map<int64_t, F32> filter;                    // by tap
      for (const TapRun& run : place.taps)
        for (int64_t tap = std::max(run.begin, first); tap < std::min(run.end, first + held); ++tap) {
          const int64_t column = columns.filter_first + tap * columns.filter_step;
          filter[tap] = load_lanes(weights, column * c_.weight_column);
          for (int64_t x = 0; x < place.width; ++x)
            if (run.reads[static_cast<size_t>(x)])
              products[x * columns.step + tap * columns.spread].push_back({x, tap});
        }
      for (int64_t y = 0; y < place.strip->height; ++y) {
        if (!rows_read[static_cast<size_t>(y)]) continue;
        const int64_t row = y * place.strip->rows->step * c_.source_columns;
        for (const auto& [column, terms] : products) {
          const F32 value = load_lanes(source, (row + column) * c_.source_block);
          for (const auto& [pixel, tap] : terms) {
            const Variable<F32>& sum = sums_[static_cast<size_t>(y * place.width + pixel)];
            sum.set(mul_add(value, filter.at(tap), sum));
          }
        }
      }
    }
  }

  F32 load_lanes(Pointer from, int64_t offset) {
    return k_.load(from, offset, c_.result_block, c_.result_block * int64_t{sizeof(float)});
  }

  // Calls body(source, weights) `count` times, each time that many elements further. Pointers that walk along, rather
  // than a base and a counter: LLVM would move the address of each pixel out of the loop, which takes more registers
  // than there are. Loops are not unrolled, or LLVM would load the weights of several steps at once.
  template <class Body>
  void walk(Index count, Pointer source, int64_t source_step, Pointer weights, int64_t weight_step, Body body) {
    const Variable<Pointer> from = k_.variable(source);
    const Variable<Pointer> by = k_.variable(weights);
    k_.for_range(k_.index(0), count, 1, [&](Index) {
      const Pointer from_here = from, by_here = by;
      body(from_here, by_here);
      from.set(from_here + source_step);
      by.set(by_here + weight_step);
    });
  }
  template <class Body>
  void walk(int64_t count, Pointer source, int64_t source_step, Pointer weights, int64_t weight_step, Body body) {
    if (count == 1) return body(source, weights);
    walk(k_.index(count), source, source_step, weights, weight_step, body);
  }

  template <class Body> void for_taps(const TapRun& run, Body body) {
    if (run.end - run.begin == 1)
      body(k_.index(run.begin));
    else
      k_.for_range(run.begin, run.end, 1, body);
  }

  void emit_channels(const TilePlace& place, const std::vector<bool>& rows_read, const std::vector<bool>& columns_read,
                     Index block, Pointer source, Pointer weights) {
    auto step = [&](Pointer from, Pointer by) { emit_step(place, rows_read, columns_read, from, by); };
    const int64_t tail = c_.source_channels % c_.source_block;
    const int64_t blocks = source_blocks(c_);
    if (tail == 0 || blocks == 1)
      walk(tail == 0 ? c_.source_block : tail, source, 1, weights, c_.weight_source_channel, step);
    else
      walk(select(block == blocks - 1, k_.index(tail), k_.index(c_.source_block)), source, 1, weights,
           c_.weight_source_channel, step);
  }

  // All products of one source channel at one tap.
  void emit_step(const TilePlace& place, const std::vector<bool>& rows_read, const std::vector<bool>& columns_read,
                 Pointer source, Pointer weights) {
    std::vector<F32> vectors;
    for (int64_t b = 0; b < tile_.blocks; ++b)
      vectors.push_back(
          k_.load(weights, b * c_.weight_result_block, lanes_of(b), c_.result_block * int64_t{sizeof(float)}));
    const int64_t height = place.strip->height;
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < place.width; ++x) {
        if (!rows_read[static_cast<size_t>(y)] || !columns_read[static_cast<size_t>(x)]) continue;
        const int64_t pixel = y * place.strip->rows->step * c_.source_columns + x * place.columns->step;
        const F32 value = k_.load_broadcast(source, pixel * c_.source_block, lanes_of(0));
        for (int64_t b = 0; b < tile_.blocks; ++b) {
          const Variable<F32>& sum = sums_[static_cast<size_t>((b * height + y) * place.width + x)];
          sum.set(mul_add(low_lanes(value, lanes_of(b)), vectors[static_cast<size_t>(b)], sum));
        }
      }
  }

  // The tile's last block may be worked on in part: the lanes after are padding.
  int32_t lanes_of(int64_t block) const { return block == tile_.blocks - 1 ? last_lanes_ : c_.result_block; }
  EpilogueEmitter& epilogue_of(int64_t block) { return block == tile_.blocks - 1 ? last_epilogue_ : epilogue_; }

  void store_tile(const TilePlace& place) {
    const AxisTaps& rows = *place.strip->rows;
    const AxisTaps& columns = *place.columns;
    const Index row = place.strip->begin * rows.result_step + rows.result_first;
    const Index column = place.begin * columns.result_step + columns.result_first;
    const Index offset = task_offset_ + (row * c_.result_columns + column) * c_.result_block;
    const Pointer result = result_ + offset;
    const int64_t height = place.strip->height;
    for (int64_t b = 0; b < tile_.blocks; ++b)
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < place.width; ++x) {
          const int64_t pixel = y * rows.result_step * c_.result_columns + x * columns.result_step;
          const F32 sum = sums_[static_cast<size_t>((b * height + y) * place.width + x)];
          const int64_t at = b * result_plane_size() + pixel * c_.result_block;
          const int32_t lanes = lanes_of(b);
          k_.store(result, at, epilogue_of(b).finish(sum, channel_ + b * c_.result_block, offset + at),
                   lanes * int64_t{sizeof(float)});
          if (lanes < c_.result_block)
            k_.store(result, at + lanes, k_.zero(c_.result_block - lanes), lanes * int64_t{sizeof(float)});
        }
  }

  static bool always_reads(const AxisTaps& taps) { return taps.reads(0, 0) && taps.reads(taps.positions - 1, 0); }

  KernelBuilder& k_;
  const GatherConvolution& c_;
  const GatherTile tile_;
  const GatherTasks tasks_;
  Pointer source_, weights_, result_;
  const int32_t last_lanes_; // of the tile's last block
  EpilogueEmitter epilogue_, last_epilogue_;
  Pointer task_source_, task_weights_;
  Index task_offset_; // of the task's first plane in the result
  Index channel_;     // first result channel of the task
  std::vector<Variable<F32>> sums_;
};

} // namespace

void make_depthwise(GatherConvolution& c, int64_t channels, ir::Size2 filter, int32_t block) {
  c.depthwise = true;
  c.groups = divide_up(channels, block);
  c.channels = channels;
  c.source_channels = 1;
  c.result_channels = block;
  c.source_block = c.result_block = block;
  c.weight_column = block;
  c.weight_row = filter[1] * block;
  c.weight_group = filter[0] * c.weight_row;
}

GatherTile choose_tile(const GatherConvolution& c, const ir::Target& target) {
  int64_t height = 0, width = 0;
  for (const AxisTaps& rows : c.rows) height = std::max(height, rows.positions);
  for (const AxisTaps& columns : c.columns) width = std::max(width, columns.positions);
  const int64_t blocks = result_blocks(c);
  GatherTile best;
  double least = std::numeric_limits<double>::infinity();
  for (int64_t b = 1; b <= std::min<int64_t>(blocks, 6); ++b) {
    if (blocks % b != 0) continue;
    for (int64_t x = 1; x <= width && fits_registers(c, target, b, x); ++x)
      for (int64_t y = 1; y <= (x == width ? height : 1) && fits_registers(c, target, b, x * y); ++y) {
        const GatherTile tile{b, y, x};
        double cycles = 0;
        for (const AxisTaps& rows : c.rows)
          for (const AxisTaps& columns : c.columns)
            cycles += tile_cycles(c, target, tile, rows, columns) * static_cast<double>(blocks / b);
        // Each kind of tile is code of its own: at equal speed, fewer kinds.
        const int64_t kinds = (width % x == 0 ? 1 : 2) * (height % y == 0 ? 1 : 2);
        cycles *= 1 + 0.002 * static_cast<double>(kinds);
        if (cycles < least) {
          least = cycles;
          best = tile;
        }
      }
  }
  return best;
}

GatherTasks::GatherTasks(const GatherConvolution& c, const GatherTile& tile, const ir::Target& target)
    : samples_(c.samples), groups_(c.groups), block_groups_(result_blocks(c) / tile.blocks), tile_blocks_(tile.blocks),
      rows_(0) {
  for (const AxisTaps& rows : c.rows) rows_ = std::max(rows_, rows.positions);
  int64_t taps = 0, columns = 0;
  for (const AxisTaps& a : c.rows)
    for (const AxisTaps& b : c.columns) taps = std::max(taps, a.count * b.count);
  for (const AxisTaps& b : c.columns) columns += b.positions;
  // Neighbouring tasks share source rows, and weights come from the second-level cache again and again; unless they do
  // not fit there and reading every sample again for each group of blocks is less traffic.
  const int64_t weight_bytes = c.groups * result_blocks(c) * c.result_block * c.source_channels * taps * 4;
  const int64_t sample_bytes = c.groups * source_blocks(c) * c.source_block * c.source_rows * c.source_columns * 4;
  weights_outer_ = weight_bytes > target.l2_bytes / 2 && sample_bytes * block_groups_ < weight_bytes;

  // Rows of a task: as many as keep the source rows in the second-level cache for the next blocks of channels, but
  // enough tasks to go round, each worth its launch.
  constexpr int64_t kWantedTasks = 32, kLeastFlops = 1 << 21;
  const int64_t source_row_bytes = c.source_columns * source_blocks(c) * c.source_block * 4 * c.rows.front().step;
  const int64_t row_flops = 2 * tile.blocks * c.result_block * columns * c.source_channels * taps;
  rows_per_task_ = weights_outer_ ? rows_ : std::max<int64_t>(target.l2_bytes / 2 / source_row_bytes, 1);
  const int64_t others = samples_ * groups_ * block_groups_;
  if (others < kWantedTasks)
    rows_per_task_ = std::min(rows_per_task_, divide_up(rows_, divide_up(kWantedTasks, others)));
  rows_per_task_ = std::max(rows_per_task_, divide_up(kLeastFlops, std::max<int64_t>(row_flops, 1)));
  if (tile.rows > 1) rows_per_task_ = rows_;
  rows_per_task_ = std::min(rows_per_task_, rows_);
  rows_per_task_ = divide_up(rows_, divide_up(rows_, rows_per_task_)); // even shares
}

int64_t GatherTasks::count() const { return samples_ * groups_ * block_groups_ * divide_up(rows_, rows_per_task_); }

GatherTasks::Task GatherTasks::decode(Index task) const {
  const int64_t strips = divide_up(rows_, rows_per_task_);
  const int64_t all_blocks = groups_ * block_groups_;
  const Index blocks = weights_outer_ ? task / (samples_ * strips) : task % all_blocks;
  const Index place = weights_outer_ ? task % (samples_ * strips) : task / all_blocks;
  const Index begin = place % strips * rows_per_task_;
  return {place / strips, blocks / block_groups_, blocks % block_groups_ * tile_blocks_, begin,
          min(begin + rows_per_task_, rows_)};
}

void emit_gather(KernelBuilder& kernel, const GatherConvolution& convolution) {
  GatherEmitter(kernel, convolution).run();
}

int64_t gather_task_count(const GatherConvolution& convolution, const ir::Target& target) {
  return GatherTasks(convolution, choose_tile(convolution, target), target).count();
}

} // namespace kiln::codegen
