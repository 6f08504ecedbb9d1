// Dense layers by the kernel that the plan chose: kiln_sgemm on blocks fixed by shape, or emitted kernels.
// The emitted forward kernel adds each result's products in an order that does not depend on its tile, so that a row's
// result is the same in every batch.
#include "ir/ops/dense.h"

#include "codegen/emit/vectors.h"
#include "ir/ops/epilogue_formula.h"

#include <array>

namespace kiln::codegen {

namespace {

// A matrix product c[rows, columns] = sum over depth, cut into blocks of rows or of columns, whichever are more: about
// 256 wide where that leaves 4 blocks or more, else narrower, but never below 64.
struct Blocks {
  bool of_columns;
  int64_t extent; // of the cut dimension
  int64_t size;   // of a block; the last one may be smaller
  int64_t count;

  Blocks(int64_t rows, int64_t columns) : of_columns(columns >= rows), extent(std::max(rows, columns)) {
    const int64_t wanted = std::clamp<int64_t>(extent / 256, std::clamp<int64_t>(extent / 64, 1, 4), 16);
    size = divide_up(divide_up(extent, wanted), 16) * 16;
    count = divide_up(extent, size);
  }
  Index begin(Index task) const { return task * size; }
  Index length(Index task) const { return min(task * -size + extent, size); }
};

struct Product {
  int64_t rows, columns, depth;
  bool transpose_a, transpose_b;
};

// c = op(a) op(b) for one block; returns what it covers as (first row, rows, first column, columns).
std::array<Index, 4> gemm_block(KernelBuilder& k, const Product& p, const Blocks& blocks, Index task, Pointer a,
                                Pointer b, Pointer c) {
  const Index begin = blocks.begin(task);
  const Index length = blocks.length(task);
  const int64_t lda = p.transpose_a ? p.rows : p.depth;
  const int64_t ldb = p.transpose_b ? p.depth : p.columns;
  KernelBuilder::Gemm gemm;
  gemm.transpose_a = p.transpose_a;
  gemm.transpose_b = p.transpose_b;
  gemm.m = blocks.of_columns ? k.index(p.rows) : length;
  gemm.n = blocks.of_columns ? length : k.index(p.columns);
  gemm.k = k.index(p.depth);
  gemm.a = blocks.of_columns ? a : a + begin * (p.transpose_a ? 1 : lda);
  gemm.b = blocks.of_columns ? b + begin * (p.transpose_b ? ldb : 1) : b;
  gemm.c = c + begin * (blocks.of_columns ? 1 : p.columns);
  gemm.lda = k.index(lda);
  gemm.ldb = k.index(ldb);
  gemm.ldc = k.index(p.columns);
  k.sgemm(gemm);
  return {blocks.of_columns ? k.index(0) : begin, gemm.m, blocks.of_columns ? begin : k.index(0), gemm.n};
}

std::vector<BufferRef> all_buffers(const Emission& emission) {
  std::vector<BufferRef> buffers;
  for (size_t i = 0; i < emission.node().operands().size(); ++i) buffers.push_back(emission.operand(i));
  buffers.push_back(emission.result());
  return buffers;
}

// The epilogue's operands, which stand after src and weights.
struct EpilogueOperands {
  std::vector<ir::EpilogueKind> kinds;
  std::vector<Pointer> pointers;

  EpilogueOperands(KernelBuilder& k, const ir::Epilogue& epilogue) : kinds(ir::operand_kinds(epilogue)) {
    for (size_t i = 0; i < kinds.size(); ++i) pointers.push_back(k.operand(2 + static_cast<int32_t>(i)));
  }
  int32_t count() const { return static_cast<int32_t>(kinds.size()); }
  // Where operand i has what belongs to `element` of the result, which is of output `output`.
  Index offset(size_t i, Index output, Index element) const {
    return kinds[i] == ir::EpilogueKind::add ? element : output;
  }
};

void emit_forward_blas(Emission& emission, const Product& product) {
  const ir::Epilogue epilogue = emission.node().attributes<ir::Dense>().epilogue;
  const Blocks blocks(product.rows, product.columns);
  emission.launch("forward", all_buffers(emission), {}, blocks.count, [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer weights = k.operand(1);
    const EpilogueOperands extra(k, epilogue);
    const Pointer dst = k.operand(2 + extra.count());
    k.begin_tasks([&](Index task) {
      const auto [row, rows, column, columns] = gemm_block(k, product, blocks, task, src, weights, dst);
      if (epilogue.empty()) return;
      const int64_t width = k.width();
      const auto apply = [&](Index n, const Span& m) {
        const Span at{n * product.columns + m.offset, m.mask};
        store(k, dst, at, ir::apply_epilogue(epilogue, load(k, dst, at), [&](int64_t i) {
                const auto operand = static_cast<size_t>(i);
                return load(k, extra.pointers[operand], Span{extra.offset(operand, m.offset, at.offset), m.mask});
              }));
      };
      const Index whole = columns / width * width;
      const Mask rest = k.first_lanes(columns - whole);
      k.for_range(row, row + rows, 1, [&, column = column, columns = columns](Index n) {
        k.for_range(column, column + whole, width, [&](Index m) { apply(n, Span{m, {}}); });
        k.if_(whole < columns, [&] { apply(n, Span{column + whole, rest}); });
      });
    });
  });
}

// c = op(a) op(b) and nothing after it.
void emit_product(Emission& emission, std::string_view part, BufferRef a, BufferRef b, const Product& product) {
  const Blocks blocks(product.rows, product.columns);
  emission.launch(part, {a, b, emission.result()}, {}, blocks.count, [=](KernelBuilder& k) {
    const Pointer left = k.operand(0);
    const Pointer right = k.operand(1);
    const Pointer result = k.operand(2);
    k.begin_tasks([&](Index task) { gemm_block(k, product, blocks, task, left, right, result); });
  });
}

// --- emitted kernels -------------------------------------------------------------------------------------------

// Rows and outputs that a task of the dot-product kernel owns, and those that it keeps in registers at once.
constexpr int64_t kTaskRows = 16;
constexpr int64_t kTaskOutputs = 32;

// dst[n0 .. n0 + rows, m0 .. m0 + outputs] by vectors along K: per result one accumulator that takes the products in
// ascending order, a masked tail, then the fixed tree of sum_lanes.
void dot_tile(KernelBuilder& k, const ir::Epilogue& epilogue, const Product& p, Pointer src, Pointer weights,
              const EpilogueOperands& extra, Pointer dst, Index n0, Index m0, int32_t rows, int32_t outputs) {
  std::vector<Variable<F32>> sums;
  for (int32_t i = 0; i < rows * outputs; ++i) sums.emplace_back(k.zero());
  const Pointer source = src + n0 * p.depth;
  const Pointer weight = weights + m0 * p.depth;
  for_vectors(k, k.index(0), p.depth, [&](const Span& at) {
    std::vector<F32> x;
    for (int32_t r = 0; r < rows; ++r) x.push_back(load(k, source + r * p.depth, at));
    for (int32_t o = 0; o < outputs; ++o) {
      const F32 w = load(k, weight + o * p.depth, at);
      for (int32_t r = 0; r < rows; ++r) {
        const Variable<F32>& sum = sums[static_cast<size_t>(r * outputs + o)];
        sum.set(mul_add(x[static_cast<size_t>(r)], w, sum.get()));
      }
    }
  });
  for (int32_t r = 0; r < rows; ++r) {
    F32 row = k.zero(outputs);
    for (int32_t o = 0; o < outputs; ++o) {
      const F32 total = sum_lanes(sums[static_cast<size_t>(r * outputs + o)].get());
      row = outputs == 1 ? total : insert(row, o, total);
    }
    const Index at = (n0 + r) * p.columns + m0;
    row = ir::apply_epilogue(epilogue, row, [&](int64_t i) {
      const auto operand = static_cast<size_t>(i);
      return k.load(extra.pointers[operand], extra.offset(operand, m0, at), outputs);
    });
    k.store(dst, at, row);
  }
}

void emit_forward_direct(Emission& emission, const Product& product) {
  const ir::Epilogue epilogue = emission.node().attributes<ir::Dense>().epilogue;
  const int64_t row_blocks = divide_up(product.rows, kTaskRows);
  const int64_t output_blocks = divide_up(product.columns, kTaskOutputs);
  emission.launch("forward", all_buffers(emission), {}, row_blocks * output_blocks, [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer weights = k.operand(1);
    const EpilogueOperands extra(k, epilogue);
    const Pointer dst = k.operand(2 + extra.count());
    // Accumulators, a weight vector and one source vector a row must fit the registers.
    const bool many = k.target().vector_registers >= 32;
    const int32_t tile_rows = product.rows == 1 ? 1 : (many ? 4 : 2);
    const int32_t tile_outputs = product.rows == 1 ? 8 : 4;
    k.begin_tasks([&](Index task) {
      const Index row = task / output_blocks * kTaskRows;
      const Index row_end = min(row + kTaskRows, product.rows);
      const Index output = task % output_blocks * kTaskOutputs;
      const Index output_end = min(output + kTaskOutputs, product.columns);
      const auto for_outputs = [&](Index from, Index to, int32_t outputs) {
        k.for_range(from, to, outputs, [&](Index m) {
          const auto tile = [&](Index n, int32_t rows) {
            dot_tile(k, epilogue, product, src, weights, extra, dst, n, m, rows, outputs);
          };
          const Index tiled = row + (row_end - row) / tile_rows * tile_rows;
          k.for_range(row, tiled, tile_rows, [&](Index n) { tile(n, tile_rows); });
          if (tile_rows != 1) k.for_range(tiled, row_end, 1, [&](Index n) { tile(n, 1); });
        });
      };
      const Index tiled = output + (output_end - output) / tile_outputs * tile_outputs;
      for_outputs(output, tiled, tile_outputs);
      for_outputs(tiled, output_end, 1);
    });
  });
}

// c[r, q] = sum over d, ascending, of a[r a_row + d a_depth] b[d columns + q]: vectors along the columns, a broadcast.
void emit_outer_direct(Emission& emission, std::string_view part, BufferRef a_buffer, BufferRef b_buffer,
                       const Product& p, int64_t a_row, int64_t a_depth) {
  constexpr int64_t kRows = 4;
  const int64_t vector = emission.target().vector_width;
  const int64_t tile_columns = 2 * vector;
  const int64_t column_tasks = divide_up(p.columns, tile_columns * 4);
  const std::vector<BufferRef> buffers = {a_buffer, b_buffer, emission.result()};
  emission.launch(part, buffers, {}, divide_up(p.rows, kRows) * column_tasks, [=](KernelBuilder& k) {
    const Pointer a = k.operand(0);
    const Pointer b = k.operand(1);
    const Pointer c = k.operand(2);
    const auto tile = [&](Index r, Index q, int64_t rows, std::vector<Mask> masks) {
      std::vector<Variable<F32>> sums;
      for (size_t i = 0; i < static_cast<size_t>(rows) * masks.size(); ++i) sums.emplace_back(k.zero());
      k.for_range(0, p.depth, 1, [&](Index d) {
        for (size_t v = 0; v < masks.size(); ++v) {
          const F32 y = k.load(b, d * p.columns + q + static_cast<int64_t>(v) * vector, masks[v]);
          for (int64_t i = 0; i < rows; ++i) {
            const Variable<F32>& sum = sums[static_cast<size_t>(i) * masks.size() + v];
            sum.set(mul_add(k.load_broadcast(a, (r + i) * a_row + d * a_depth), y, sum.get()));
          }
        }
      });
      for (int64_t i = 0; i < rows; ++i)
        for (size_t v = 0; v < masks.size(); ++v)
          k.store(c, (r + i) * p.columns + q + static_cast<int64_t>(v) * vector,
                  sums[static_cast<size_t>(i) * masks.size() + v].get(), masks[v]);
    };
    k.begin_tasks([&](Index task) {
      const Index row = task / column_tasks * kRows;
      const Index row_end = min(row + kRows, p.rows);
      const Index column = task % column_tasks * (tile_columns * 4);
      const Index column_end = min(column + tile_columns * 4, p.columns);
      k.for_range(column, column_end, tile_columns, [&](Index q) {
        const Index left = column_end - q;
        const std::vector<Mask> masks = {k.first_lanes(left), k.first_lanes(left - vector)};
        k.if_else(
            row_end - row == kRows, [&] { tile(row, q, kRows, masks); },
            [&] { k.for_range(row, row_end, 1, [&](Index r) { tile(r, q, 1, masks); }); });
      });
    });
  });
}

bool is_direct(const Emission& emission) { return emission.node().kernel == ir::Kernel::direct; }

} // namespace

template <> void emit<ir::Dense>(Emission& emission) {
  const ir::Dims& src = emission.operand_type(0).dims;
  const Product product{src[0], emission.operand_type(1).dims[0], src[1], false, true};
  if (is_direct(emission))
    emit_forward_direct(emission, product);
  else
    emit_forward_blas(emission, product);
}

template <> void emit<ir::DenseBackwardData>(Emission& emission) {
  const ir::Dims& weights = emission.operand_type(0).dims;
  const Product product{emission.operand_type(1).dims[0], weights[1], weights[0], false, false};
  if (is_direct(emission))
    emit_outer_direct(emission, "backward_data", emission.operand(1), emission.operand(0), product, weights[0], 1);
  else
    emit_product(emission, "backward_data", emission.operand(1), emission.operand(0), product);
}

template <> void emit<ir::DenseBackwardWeights>(Emission& emission) {
  const ir::Dims& src = emission.operand_type(0).dims;
  const int64_t outputs = emission.operand_type(1).dims[1];
  const Product product{outputs, src[1], src[0], true, false};
  if (is_direct(emission))
    emit_outer_direct(emission, "backward_weights", emission.operand(1), emission.operand(0), product, 1, outputs);
  else
    emit_product(emission, "backward_weights", emission.operand(1), emission.operand(0), product);
}

} // namespace kiln::codegen
