// Gradient of a convolution's weights: sums over samples and result pixels, kept in registers.
//
// A set of accumulators covers some result blocks x filter rows x filter columns x source channels. A task owns the
// weights of some result blocks and one part of the source channels; it walks its samples in pieces small enough for
// the first-level cache, and over each piece runs all of its sets in turn, whose sums wait in memory meanwhile. Borders
// need no padding: pixels that miss some of a set's filter columns are emitted one by one, rows by bounds or guards.
#include "codegen/emit/conv_taps.h"
#include "codegen/emit/partial_block.h"
#include "codegen/emit/vectors.h"
#include "codegen/emitter.h"
#include "ir/kernel.h"
#include "ir/ops/conv2d.h"

#include <algorithm>
#include <limits>

namespace kiln::codegen {

namespace {

// Source and ddst as in GatherConvolution; the result is O blocks, I blocks, KH, KW, i of a block, o of a block.
struct WeightsGradient {
  int64_t samples = 1;
  int64_t shards = 1;
  int64_t groups = 1;
  bool depthwise = false;      // as in GatherConvolution: a group is a block of channels, each lane seeing itself alone
  int64_t source_channels = 1; // of a group
  int64_t result_channels = 1; // of a group
  int32_t source_block = 1;    // as the result has it; a pixel of a depthwise convolution's source is a result block
  int32_t result_block = 1;
  AxisTaps rows, columns;

  int64_t source_blocks() const { return divide_up(source_channels, source_block); }
  int64_t result_blocks() const { return divide_up(result_channels, result_block); }
  // Lanes of the group's last block that a set works on, where it covers all blocks of the group.
  int32_t last_lanes() const {
    return lanes_worked_on(result_channels - (result_blocks() - 1) * result_block, result_block);
  }
  int64_t source_pixel() const { return depthwise ? result_block : source_block; }
  int64_t source_plane() const { return rows.source * columns.source * source_pixel(); }
  int64_t ddst_plane() const { return rows.positions * columns.positions * result_block; }
  // Strides of the result, in elements.
  int64_t column_stride() const { return int64_t{source_block} * result_block; }
  int64_t row_stride() const { return columns.count * column_stride(); }
  int64_t source_block_stride() const { return rows.count * row_stride(); }
  int64_t result_block_stride() const { return source_blocks() * source_block_stride(); }
  int64_t elements() const { return groups * result_blocks() * result_block_stride(); }
  // Of two neighbouring source channels: lanes of a block, or planes.
  int64_t channel_stride() const { return source_block == 1 ? source_block_stride() : result_block; }
  int64_t source_channel_stride() const { return source_block == 1 ? source_plane() : 1; }
};

// Accumulators in registers at one time. All but filter columns divide what they are taken from.
struct AccumulatorSet {
  int64_t blocks = 1;
  int64_t filter_rows = 1;
  int64_t filter_columns = 1; // of the largest group; groups are as even as can be
  int64_t channels = 1;

  int64_t taps() const { return filter_rows * filter_columns * channels; }
};

// Samples and rows that all sets of a task go over before the next ones: about what the first-level cache holds.
struct Piece {
  int64_t samples = 1;
  int64_t rows = 1;
};

// Channels of a source pixel that the sets of a part read, planes of one channel or lanes of one plane.
int64_t source_lanes(const WeightsGradient& g, const AccumulatorSet& set) {
  return g.source_block == 1 ? set.channels * g.source_pixel() : g.source_block;
}

Piece choose_piece(const WeightsGradient& g, const AccumulatorSet& set, const ir::Target& target) {
  const int64_t lanes = source_lanes(g, set);
  const int64_t row_bytes = 4 * (set.blocks * g.columns.positions * g.result_block +
                                 lanes * g.columns.source * std::min(g.rows.step, g.rows.source));
  const int64_t budget = target.l1_bytes / 4 * 3;
  const int64_t rows = std::max<int64_t>(budget / row_bytes, 1);
  if (rows >= g.rows.positions) return {std::clamp<int64_t>(rows / g.rows.positions, 1, g.samples), g.rows.positions};
  // A set's sums are loaded and stored once a piece: not worth it for a few pixels.
  const int64_t least = divide_up(128, g.columns.positions);
  return {1, std::min(std::max(rows, least), g.rows.positions)};
}

// Sets that it takes for all source channels of a group, those of a block that are none left out.
int64_t chunks(const WeightsGradient& g, const AccumulatorSet& set) {
  const int64_t block = g.source_block == 1 ? g.source_channels : g.source_block;
  return g.source_channels / block * (block / set.channels) + divide_up(g.source_channels % block, set.channels);
}

AccumulatorSet choose_set(const WeightsGradient& g, const ir::Target& target) {
  const bool padded_rows = !(g.rows.reads(0, 0) && g.rows.reads(g.rows.positions - 1, g.rows.count - 1));
  const int64_t channels = g.source_block == 1 ? g.source_channels : g.source_block;
  AccumulatorSet best;
  double least = std::numeric_limits<double>::infinity();
  auto consider = [&](const AccumulatorSet& set) {
    const int64_t sums = set.blocks * set.taps();
    if (sums + set.blocks + (target.has_fma ? 1 : 2) > target.vector_registers) return false;
    const Piece piece = choose_piece(g, set, target);
    const double pixels = static_cast<double>(piece.samples * piece.rows * g.columns.positions);
    const double saved = set.blocks == g.result_blocks() ? 1 - static_cast<double>(g.last_lanes()) / g.result_block : 0;
    const double vectors = (static_cast<double>(set.blocks) - saved) * static_cast<double>(set.taps());
    const double work = vectors * (target.has_fma ? 0.5 : 1.0);
    const double loads = static_cast<double>(set.blocks + set.taps()) * 0.5;
    double cycles = std::max({work, loads, 4.0}) + 0.3 * static_cast<double>(set.blocks) + 0.5;
    cycles += 2 * static_cast<double>(sums) / pixels;
    if (set.filter_rows > 1 && padded_rows) cycles *= 1.05;
    cycles *= static_cast<double>(g.result_blocks() / set.blocks * (g.rows.count / set.filter_rows) *
                                  divide_up(g.columns.count, set.filter_columns) * chunks(g, set));
    if (cycles < least) {
      least = cycles;
      best = set;
    }
    return true;
  };
  for (int64_t b = 1; b <= std::min<int64_t>(g.result_blocks(), 6); ++b) {
    if (g.result_blocks() % b != 0) continue;
    for (int64_t pieces = 1; pieces <= g.columns.count; ++pieces) {
      const int64_t columns = divide_up(g.columns.count, pieces);
      for (int64_t rows = 1; rows <= std::min<int64_t>(g.rows.count, 32); ++rows) {
        if (g.rows.count % rows != 0) continue;
        for (int64_t i = 1; i <= std::min<int64_t>(channels, 32); ++i)
          if (channels % i == 0 && !consider({b, rows, columns, i})) break;
      }
    }
  }
  return best;
}

// What a pixel of ddst costs one set of result blocks: multiply-adds of vectors, and bytes from beyond the first-level
// cache when `members` sets share the source.
struct Traffic {
  int64_t sums;
  int64_t bytes;

  Traffic(const WeightsGradient& g, const AccumulatorSet& set, int64_t members) {
    const int64_t lanes = source_lanes(g, set);
    sums = set.blocks * g.rows.count * g.columns.count * (g.source_block == 1 ? set.channels : g.source_block);
    bytes = 4 * (set.blocks * g.result_block + lanes * g.rows.step * g.columns.step / members);
  }
  // As measured: with less work a byte, memory keeps up best when left alone; with more than a byte's, it never
  // matters.
  bool light_work() const { return sums < bytes / 2; }
  bool heavy_work() const { return sums >= bytes; }
};

class WeightsGradientEmitter {
public:
  WeightsGradientEmitter(KernelBuilder& k, const WeightsGradient& g, const AccumulatorSet& set)
      : k_(k), g_(g), set_(set), piece_(choose_piece(g, set, k.target())), members_(members(g, set)),
        last_lanes_(set.blocks == g.result_blocks() ? g.last_lanes() : g.result_block), source_(k.operand(0)),
        ddst_(k.operand(1)), result_(k.operand(2)) {}

  // The parts that a group's source channels are divided into: a block, or the planes of one set.
  static int64_t parts(const WeightsGradient& g, const AccumulatorSet& set) {
    return g.source_block == 1 ? g.source_channels / set.channels : g.source_blocks();
  }
  // Sets of result blocks that one task goes through over each piece, so that the source is read less often: where that
  // is what limits, as many as leave enough tasks to go round.
  static int64_t members(const WeightsGradient& g, const AccumulatorSet& set) {
    if (g.rows.count * g.columns.count == 1 || Traffic(g, set, 1).heavy_work()) return 1;
    constexpr int64_t kWantedTasks = 32, kMostMembers = 8;
    const int64_t in_group = g.result_blocks() / set.blocks;
    const int64_t others = g.shards * g.groups * parts(g, set);
    int64_t best = 1;
    for (int64_t m = 2; m <= std::min(in_group, kMostMembers); ++m)
      if (in_group % m == 0 && others * (in_group / m) >= kWantedTasks) best = m;
    return best;
  }
  static int64_t task_count(const WeightsGradient& g, const AccumulatorSet& set) {
    return g.shards * g.groups * (g.result_blocks() / (set.blocks * members(g, set))) * parts(g, set);
  }

  void run() {
    const int64_t part_count = parts(g_, set_);
    const int64_t task_blocks = set_.blocks * members_;
    const int64_t block_groups = g_.result_blocks() / task_blocks;
    const int64_t part_planes = g_.source_block == 1 ? set_.channels : 1;
    const int64_t part_elements = part_planes * g_.source_block_stride();
    k_.begin_tasks([&](Index task) {
      const Index part = task % part_count;
      const Index rest = task / part_count;
      const Index block = rest % (g_.groups * block_groups) * task_blocks; // of all groups
      const Index shard = rest / (g_.groups * block_groups);
      const Index group = block / g_.result_blocks();

      task_result_ = result_ + (shard * g_.elements() + block * g_.result_block_stride() + part * part_elements);
      task_source_ = source_ + (group * g_.source_blocks() + part * part_planes) * g_.source_plane();
      task_ddst_ = ddst_ + block * g_.ddst_plane();
      k_.for_range(0, task_blocks, 1, [&](Index b) {
        k_.fill_zero(task_result_ + b * g_.result_block_stride(), k_.index(part_elements));
      });

      // The sets of one part differ in channels only when it is a block; the last block runs over what it has.
      chunks_ = k_.index(chunk_count());
      if (const int64_t tail = g_.source_channels % g_.source_block; tail != 0)
        chunks_ = select(part == part_count - 1, k_.index(divide_up(tail, set_.channels)), chunks_);

      const Index first = shard * g_.samples / g_.shards;
      const Index last = (shard + 1) * g_.samples / g_.shards;
      k_.for_range(first, last, piece_.samples, [&](Index sample) {
        k_.for_range(0, g_.rows.positions, piece_.rows, [&](Index row) {
          emit_piece({sample, min(sample + piece_.samples, last), row, min(row + piece_.rows, g_.rows.positions)});
        });
      });
    });
  }

private:
  struct Range {
    Index first_sample, last_sample, first_row, last_row;
  };
  // The filter rows and columns of a set.
  struct Taps {
    Index first_row;
    AxisTaps columns; // of the set alone
    int64_t first_column;
  };

  void emit_piece(const Range& range) {
    k_.for_range(0, members_, 1, [&](Index member) {
      const Index block = member * set_.blocks;
      member_result_ = task_result_ + block * g_.result_block_stride();
      member_ddst_ = task_ddst_ + block * g_.ddst_plane();
      k_.for_range(0, g_.rows.count, set_.filter_rows, [&](Index filter_row) {
        k_.for_range(0, chunks_, 1, [&](Index chunk) {
          prefetch_next(range, member, filter_row / set_.filter_rows * chunk_count() + chunk);
          const int64_t groups = divide_up(g_.columns.count, set_.filter_columns);
          for (int64_t i = 0; i < groups; ++i) {
            const int64_t first = i * g_.columns.count / groups;
            Taps taps{filter_row, g_.columns, first};
            taps.columns.count = (i + 1) * g_.columns.count / groups - first;
            taps.columns.offset += first * g_.columns.spread;
            emit_set(range, taps, chunk * set_.channels);
          }
        });
      });
    });
  }

  int64_t chunk_count() const { return g_.source_block == 1 ? 1 : g_.source_block / set_.channels; }

  // The first set to meet a piece would wait for it to come from memory. So each set fetches a share of the next one;
  // that costs more than it saves where a pixel is little work, or a piece several samples.
  void prefetch_next(const Range& range, Index member, Index set) {
    if (piece_.samples != 1 || Traffic(g_, set_, members_).light_work()) return;
    const int64_t planes = g_.source_block == 1 ? set_.channels : 1;
    const int64_t sets = g_.rows.count / set_.filter_rows * chunk_count();
    constexpr int64_t kLine = 64 / sizeof(float);
    const Condition wrap = range.first_row + piece_.rows >= g_.rows.positions;
    const Index sample = range.first_sample + select(wrap, k_.index(1), k_.index(0));
    const Index row = select(wrap, k_.index(0), range.first_row + piece_.rows);
    auto fetch = [&](Pointer from, int64_t elements, Index share, int64_t shares) {
      const int64_t lines = divide_up(divide_up(elements, kLine), shares);
      k_.for_range(share * lines, share * lines + lines, 1, [&](Index line) { k_.prefetch(from, line * kLine); });
    };
    const int64_t ddst_row = g_.columns.positions * g_.result_block, source_row = g_.columns.source * g_.source_pixel();
    const Pointer ddst = member_ddst_ + sample * (g_.groups * g_.result_blocks() * g_.ddst_plane()) + row * ddst_row;
    for (int64_t b = 0; b < set_.blocks; ++b) fetch(ddst + b * g_.ddst_plane(), piece_.rows * ddst_row, set, sets);
    const Pointer source = task_source_ + sample * (g_.groups * g_.source_blocks() * g_.source_plane()) +
                           max(row * g_.rows.step + g_.rows.offset, 0) * source_row;
    const int64_t source_rows = std::min(piece_.rows * g_.rows.step, g_.rows.source);
    for (int64_t i = 0; i < planes; ++i)
      fetch(source + i * g_.source_plane(), source_rows * source_row, member * sets + set, members_ * sets);
  }

  void emit_set(const Range& range, const Taps& taps, Index channel) {
    const Pointer sums = member_result_ + (taps.first_row * g_.row_stride() + taps.first_column * g_.column_stride() +
                                           channel * g_.channel_stride());
    auto for_sums = [&](auto body) {
      for (int64_t b = 0; b < set_.blocks; ++b)
        for (int64_t y = 0; y < set_.filter_rows; ++y)
          for (int64_t x = 0; x < taps.columns.count; ++x)
            for (int64_t i = 0; i < set_.channels; ++i)
              body(b * g_.result_block_stride() + y * g_.row_stride() + x * g_.column_stride() +
                       i * g_.channel_stride(),
                   lanes_of(b));
    };
    const int64_t alignment = g_.result_block * int64_t{sizeof(float)};
    sums_.clear();
    for_sums(
        [&](int64_t offset, int32_t lanes) { sums_.push_back(k_.variable(k_.load(sums, offset, lanes, alignment))); });
    k_.for_range(range.first_sample, range.last_sample, 1, [&](Index sample) {
      const Pointer source = task_source_ + (sample * (g_.groups * g_.source_blocks() * g_.source_plane()) +
                                             channel * g_.source_channel_stride());
      const Pointer ddst = member_ddst_ + sample * (g_.groups * g_.result_blocks() * g_.ddst_plane());
      emit_rows(range, taps, source, ddst);
    });
    size_t next = 0;
    for_sums(
        [&](int64_t offset, int32_t lanes) { k_.store(sums, offset, sums_[next++], lanes * int64_t{sizeof(float)}); });
  }

  void emit_rows(const Range& range, const Taps& taps, Pointer source, Pointer ddst) {
    const AxisTaps& rows = g_.rows;
    auto emit_row = [&](Index row, int64_t first_tap, int64_t tap_count) {
      const Index source_row = row * rows.step + rows.offset + taps.first_row * rows.spread;
      emit_pixels(taps, first_tap, tap_count, source + source_row * (g_.columns.source * g_.source_pixel()),
                  ddst + row * (g_.columns.positions * g_.result_block));
    };
    if (set_.filter_rows == 1) {
      // Rows that read the source at this tap: 0 <= row * step + base < source.
      const Index base = taps.first_row * rows.spread + rows.offset;
      const Index first = max(rows.step - 1 - base, 0) / rows.step;
      const Index last = max(rows.source + rows.step - 1 - base, 0) / rows.step;
      k_.for_range(max(first, range.first_row), min(last, range.last_row), 1, [&](Index row) { emit_row(row, 0, 1); });
      return;
    }
    const bool all_read = rows.reads(0, 0) && rows.reads(rows.positions - 1, rows.count - 1);
    k_.for_range(range.first_row, range.last_row, 1, [&](Index row) {
      if (all_read) return emit_row(row, 0, set_.filter_rows);
      const Index base = row * rows.step + rows.offset + taps.first_row * rows.spread;
      k_.if_else((base >= 0) & (base + (set_.filter_rows - 1) * rows.spread < rows.source),
                 [&] { emit_row(row, 0, set_.filter_rows); },
                 [&] {
                   for (int64_t tap = 0; tap < set_.filter_rows; ++tap) {
                     const Index position = base + tap * rows.spread;
                     k_.if_((position >= 0) & (position < rows.source), [&] { emit_row(row, tap, 1); });
                   }
                 });
    });
  }

  void emit_pixels(const Taps& taps, int64_t first_row_tap, int64_t row_taps, Pointer source, Pointer ddst) {
    const AxisTaps& columns = taps.columns;
    for (const TileRun& run : cut_into_tiles(columns, 1)) {
      std::vector<bool> reads;
      for (int64_t x = 0; x < columns.count; ++x) reads.push_back(columns.reads(run.begin, x));
      if (std::find(reads.begin(), reads.end(), true) == reads.end()) continue;
      // Pointers that walk along, and no unrolling, for the reasons given in gather_convolution.cpp.
      const Pointer first_source = source + (run.begin * columns.step + columns.offset) * g_.source_pixel();
      const Pointer first_ddst = ddst + run.begin * g_.result_block;
      if (run.repeat == 1) {
        emit_pixel(taps, first_row_tap, row_taps, reads, first_source, first_ddst);
        continue;
      }
      const Variable<Pointer> from = k_.variable(first_source);
      const Variable<Pointer> by = k_.variable(first_ddst);
      k_.for_range(0, run.repeat, 1, [&](Index) {
        const Pointer from_here = from, by_here = by;
        emit_pixel(taps, first_row_tap, row_taps, reads, from_here, by_here);
        from.set(from_here + columns.step * g_.source_pixel());
        by.set(by_here + g_.result_block);
      });
    }
  }

  void emit_pixel(const Taps& taps, int64_t first_row_tap, int64_t row_taps, const std::vector<bool>& reads,
                  Pointer source, Pointer ddst) {
    std::vector<F32> vectors;
    for (int64_t b = 0; b < set_.blocks; ++b)
      vectors.push_back(k_.load(ddst, b * g_.ddst_plane(), lanes_of(b), g_.result_block * int64_t{sizeof(float)}));
    for (int64_t y = first_row_tap; y < first_row_tap + row_taps; ++y)
      for (int64_t x = 0; x < taps.columns.count; ++x) {
        if (!reads[static_cast<size_t>(x)]) continue;
        for (int64_t i = 0; i < set_.channels; ++i) {
          const int64_t pixel = y * g_.rows.spread * g_.columns.source + x * g_.columns.spread;
          const F32 value = source_value(source, pixel * g_.source_pixel() + i * g_.source_channel_stride());
          for (int64_t b = 0; b < set_.blocks; ++b) {
            const int64_t number = ((b * set_.filter_rows + y) * taps.columns.count + x) * set_.channels + i;
            const Variable<F32>& sum = sums_[static_cast<size_t>(number)];
            sum.set(mul_add(low_lanes(value, lanes_of(b)), vectors[static_cast<size_t>(b)], sum));
          }
        }
      }
  }

  // The set's last block may be worked on in part: the lanes after are padding, and stay the zeros they start as.
  int32_t lanes_of(int64_t block) const { return block == set_.blocks - 1 ? last_lanes_ : g_.result_block; }

  F32 source_value(Pointer source, int64_t offset) {
    if (g_.depthwise) return k_.load(source, offset, g_.result_block, g_.result_block * int64_t{sizeof(float)});
    return k_.load_broadcast(source, offset, lanes_of(0));
  }

  KernelBuilder& k_;
  const WeightsGradient& g_;
  const AccumulatorSet set_;
  const Piece piece_;
  const int64_t members_;
  const int32_t last_lanes_; // of the set's last result block
  Pointer source_, ddst_, result_;
  Pointer task_source_, task_ddst_, task_result_;
  Pointer member_ddst_, member_result_; // of the set of result blocks at work
  Index chunks_;                        // sets of channels in the task's part
  std::vector<Variable<F32>> sums_;
};

WeightsGradient weights_gradient(const ir::Node& node, const ir::Target& target) {
  const auto& attributes = node.attributes<ir::Conv2dBackwardWeights>();
  const ir::Dims& src = node.operand(0).type.dims;
  const ir::Dims& ddst = node.operand(1).type.dims;
  const ir::Window window = ir::window_of("conv2d_backward_weights", attributes, attributes.kernel, {src[2], src[3]});
  WeightsGradient g;
  g.samples = src[0];
  g.shards = ir::shard_count(node, target);
  g.groups = attributes.group;
  g.source_channels = src[1] / attributes.group;
  g.result_channels = ddst[1] / attributes.group;
  g.source_block = node.kernel == ir::Kernel::blocked ? target.vector_width : 1;
  g.result_block = node.kernel == ir::Kernel::plain ? 1 : target.vector_width;
  g.rows = forward_taps(window.rows);
  g.columns = forward_taps(window.columns);
  if (node.kernel == ir::Kernel::depthwise) {
    g.depthwise = true;
    g.groups = divide_up(ddst[1], g.result_block);
    g.result_channels = g.result_block;
  }
  return g;
}

// dweights = the shards' sums, added in ascending order.
void emit_shard_sum(KernelBuilder& k, const WeightsGradient& g) {
  const Pointer partial = k.operand(0), result = k.operand(1);
  k.begin_tasks([&](Index task) {
    for_chunk(k, task, g.elements(), [&](const Span& at) {
      F32 sum = load(k, partial, at);
      for (int64_t shard = 1; shard < g.shards; ++shard) sum = sum + load(k, partial + shard * g.elements(), at);
      store(k, result, at, sum);
    });
  });
}

} // namespace

template <> void emit<ir::Conv2dBackwardWeights>(Emission& emission) {
  const WeightsGradient gradient = weights_gradient(emission.node(), emission.target());
  const AccumulatorSet set = choose_set(gradient, emission.target());
  const bool sharded = gradient.shards > 1;
  emission.launch("backward_weights",
                  {emission.operand(0), emission.operand(1), sharded ? emission.workspace() : emission.result()}, {},
                  WeightsGradientEmitter::task_count(gradient, set),
                  [gradient, set](KernelBuilder& kernel) { WeightsGradientEmitter(kernel, gradient, set).run(); });
  if (sharded)
    emission.launch("add_shards", {emission.workspace(), emission.result()}, {}, chunk_count(gradient.elements()),
                    [gradient](KernelBuilder& kernel) { emit_shard_sum(kernel, gradient); });
}

} // namespace kiln::codegen
