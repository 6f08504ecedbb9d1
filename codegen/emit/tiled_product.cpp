// A task owns one panel of columns and some rows. It copies its panel of b, a stretch of the depth at a time, into
// scratch, where each step of the depth is a few whole vectors; then tiles of rows go over it, their sums in registers.
#include "codegen/emit/tiled_product.h"

#include "codegen/register_transpose.h"
#include "ir/kernel.h"

namespace kiln::codegen {

namespace {

// Rows of a tile, of the last one where they do not divide, and how tasks share them.
struct RowTiles {
  int64_t height, tail;
  int64_t blocks, per_block; // per_block: a multiple of height

  RowTiles(const TiledProduct& p, const ir::DensePanel& panel, const ir::Target& target) {
    // Beside the sums: the panel's vectors, a value of a, and a product where they are not fused.
    const int64_t vectors = panel.columns / target.vector_width;
    const int64_t most = (target.vector_registers >= 32 ? 24 : 12) / vectors;
    height = divide_up(p.rows, divide_up(p.rows, most));
    const int64_t tiles = divide_up(p.rows, height);
    tail = p.rows % height;
    // Enough tasks to go round, but each worth the copy of its panel.
    constexpr int64_t kWantedTasks = 32, kLeastRows = 64;
    const int64_t wanted = divide_up(kWantedTasks, divide_up(p.columns, panel.columns));
    blocks = std::clamp<int64_t>(std::min(wanted, p.rows / kLeastRows), 1, tiles);
    per_block = divide_up(tiles, blocks) * height;
    blocks = divide_up(p.rows, per_block);
  }
};

class ProductEmitter {
public:
  ProductEmitter(KernelBuilder& k, const TiledProduct& p, Pointer a, Pointer b, Pointer c, const FinishSums& finish)
      : k_(k), p_(p), panel_(ir::dense_panel(p.columns, p.depth, k.target())), tiles_(p, panel_, k.target()), a_(a),
        b_(b), c_(c), scratch_(k.scratch()), finish_(finish), stretches_(divide_up(p.depth, panel_.depth)) {}

  void run() {
    k_.begin_tasks([&](Index task) {
      column_ = task / tiles_.blocks * panel_.columns;
      const Index first = task % tiles_.blocks * tiles_.per_block;
      const Index last = min(first + tiles_.per_block, p_.rows);
      const auto stretch = [&](Index number) {
        number_ = number;
        begin_ = number * panel_.depth;
        length_ = min(begin_ + panel_.depth, p_.depth) - begin_;
        p_.b_transposed ? turn_panel() : copy_panel();
        const int64_t whole = p_.rows - tiles_.tail;
        k_.for_range(first, min(last, whole), tiles_.height, [&](Index row) { emit_tile(row, tiles_.height); });
        if (tiles_.tail == 0) return;
        k_.if_(last > whole, [&] { emit_tile(k_.index(whole), tiles_.tail); });
      };
      if (stretches_ == 1)
        stretch(k_.index(0));
      else
        k_.for_range(0, stretches_, 1, stretch);
    });
  }

private:
  int64_t width() const { return k_.width(); }
  int64_t vectors() const { return panel_.columns / width(); }
  int64_t alignment() const { return width() * int64_t{sizeof(float)}; }
  bool has_partial_panel() const { return p_.columns % panel_.columns != 0; }

  // Calls body(span of each vector of the panel): whole vectors, or masked ones in the panel at the end.
  void for_columns(const std::function<void(const std::vector<Span>&)>& body) {
    std::vector<Span> whole, partial;
    for (int64_t v = 0; v < vectors(); ++v) {
      const Index at = column_ + v * width();
      whole.push_back({at, {}});
      if (has_partial_panel()) partial.push_back({at, k_.first_lanes(p_.columns - at)});
    }
    if (!has_partial_panel())
      body(whole);
    else
      k_.if_else(
          column_ + panel_.columns <= p_.columns, [&] { body(whole); }, [&] { body(partial); });
  }

  void copy_panel() {
    for_columns([&](const std::vector<Span>& columns) {
      k_.for_range(
          k_.index(0), length_, 1,
          [&](Index d) {
            const Pointer from = b_ + (begin_ + d) * p_.columns;
            for (size_t v = 0; v < columns.size(); ++v)
              k_.store(scratch_, d * panel_.columns + static_cast<int64_t>(v) * width(), load(k_, from, columns[v]),
                       alignment());
          },
          Unroll::by(4));
    });
  }

  // The panel's columns are rows in memory: squares of vectors are turned in registers. What stands for columns after
  // the last one is never stored.
  void turn_panel() {
    const auto turn = [&](Index d, std::optional<Mask> mask) {
      k_.for_range(0, vectors(), 1, [&](Index v) {
        std::vector<F32> lines;
        for (int64_t i = 0; i < width(); ++i) {
          const Index column = column_ + v * width() + i;
          const Pointer from = b_ + (has_partial_panel() ? min(column, p_.columns - 1) : column) * p_.depth;
          lines.push_back(load(k_, from, Span{begin_ + d, mask}));
        }
        lines = transposed(std::move(lines));
        for (int64_t i = 0; i < width(); ++i)
          k_.store(scratch_, (d + i) * panel_.columns + v * width(), lines[static_cast<size_t>(i)], alignment());
      });
    };
    const int64_t tail = p_.depth % width();
    k_.for_range(k_.index(0), tail == 0 ? length_ : length_ / width() * width(), width(),
                 [&](Index d) { turn(d, {}); });
    if (tail == 0) return;
    k_.if_(number_ == stretches_ - 1, [&] { turn(length_ - tail, k_.first_lanes(tail)); });
  }

  void emit_tile(Index row, int64_t height) {
    sums_.clear();
    for (int64_t i = 0; i < height * vectors(); ++i) sums_.push_back(k_.variable(k_.zero()));
    const Pointer result = c_ + row * p_.columns;
    const auto for_sums = [&](const std::vector<Span>& columns, const std::function<void(size_t, const Span&)>& body) {
      for (int64_t i = 0; i < height; ++i)
        for (size_t v = 0; v < columns.size(); ++v)
          body(static_cast<size_t>(i) * columns.size() + v, Span{columns[v].offset + i * p_.columns, columns[v].mask});
    };
    if (stretches_ > 1)
      k_.if_(number_ > 0, [&] {
        for_columns([&](const std::vector<Span>& columns) {
          for_sums(columns, [&](size_t n, const Span& at) { sums_[n].set(load(k_, result, at)); });
        });
      });
    add_products(row, height);
    for_columns([&](const std::vector<Span>& columns) {
      const auto finished = [&] {
        for_sums(columns, [&](size_t n, const Span& at) {
          store(k_, result, at, finish_(sums_[n], columns[n % columns.size()], row * p_.columns + at.offset));
        });
      };
      if (stretches_ == 1) return finished();
      k_.if_else(number_ == stretches_ - 1, finished,
                 [&] { for_sums(columns, [&](size_t n, const Span& at) { store(k_, result, at, sums_[n]); }); });
    });
  }

  void add_products(Index row, int64_t height) {
    // Pointers that walk along, and no unrolling, for the reasons given in gather_convolution.cpp.
    const Variable<Pointer> from = k_.variable(a_ + (row * p_.a_row + begin_ * p_.a_depth));
    const Variable<Pointer> by = k_.variable(scratch_);
    k_.for_range(k_.index(0), length_, 1, [&](Index) {
      const Pointer from_here = from, by_here = by;
      std::vector<F32> values;
      for (int64_t v = 0; v < vectors(); ++v) values.push_back(k_.load(by_here, v * width(), k_.width(), alignment()));
      for (int64_t i = 0; i < height; ++i) {
        const F32 factor = k_.load_broadcast(from_here, i * p_.a_row);
        for (size_t v = 0; v < values.size(); ++v) {
          const Variable<F32>& sum = sums_[static_cast<size_t>(i) * values.size() + v];
          sum.set(mul_add(factor, values[v], sum));
        }
      }
      from.set(from_here + p_.a_depth);
      by.set(by_here + panel_.columns);
    });
  }

  KernelBuilder& k_;
  const TiledProduct& p_;
  const ir::DensePanel panel_;
  const RowTiles tiles_;
  Pointer a_, b_, c_, scratch_;
  const FinishSums& finish_;
  const int64_t stretches_;       // of the depth
  Index column_;                  // first column of the task's panel
  Index number_, begin_, length_; // of the stretch in scratch
  std::vector<Variable<F32>> sums_;
};

} // namespace

int64_t tiled_product_tasks(const TiledProduct& product, const ir::Target& target) {
  const ir::DensePanel panel = ir::dense_panel(product.columns, product.depth, target);
  return divide_up(product.columns, panel.columns) * RowTiles(product, panel, target).blocks;
}

void emit_tiled_product(KernelBuilder& kernel, const TiledProduct& product, Pointer a, Pointer b, Pointer c,
                        const FinishSums& finish) {
  ProductEmitter(kernel, product, a, b, c, finish).run();
}

} // namespace kiln::codegen
