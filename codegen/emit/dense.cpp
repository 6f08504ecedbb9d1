// Dense layers by the kernel that the plan chose: dot products, or register tiles over packed panels.
// Both add each result's products in an order that does not depend on its tile, so that a row's result is the same in
// every batch.
#include "ir/ops/dense.h"

#include "codegen/emit/tiled_product.h"
#include "ir/ops/epilogue_formula.h"

namespace kiln::codegen {

namespace {

// dst[rows, columns] = sum over depth of src[rows, depth] weights[columns, depth].
struct Product {
  int64_t rows, columns, depth;
};

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

// --- register tiles over packed panels -------------------------------------------------------------------------

void emit_forward_tiled(Emission& emission, const Product& product) {
  const ir::Epilogue epilogue = emission.node().attributes<ir::Dense>().epilogue;
  const TiledProduct tiled{product.rows, product.columns, product.depth, product.depth, 1, true};
  emission.launch(
      "forward", all_buffers(emission), {}, tiled_product_tasks(tiled, emission.target()), [=](KernelBuilder& k) {
        const EpilogueOperands extra(k, epilogue);
        const Pointer dst = k.operand(2 + extra.count());
        emit_tiled_product(k, tiled, k.operand(0), k.operand(1), dst, [&](F32 sum, const Span& columns, Index element) {
          return ir::apply_epilogue(epilogue, sum, [&](int64_t i) {
            const auto operand = static_cast<size_t>(i);
            const Index at = extra.offset(operand, columns.offset, element);
            return load(k, extra.pointers[operand], Span{at, columns.mask});
          });
        });
      });
}

void emit_tiled(Emission& emission, std::string_view part, BufferRef a, BufferRef b, const TiledProduct& product) {
  emission.launch(part, {a, b, emission.result()}, {}, tiled_product_tasks(product, emission.target()),
                  [=](KernelBuilder& k) {
                    emit_tiled_product(k, product, k.operand(0), k.operand(1), k.operand(2),
                                       [](F32 sum, const Span&, Index) { return sum; });
                  });
}

} // namespace

template <> void emit<ir::Dense>(Emission& emission) {
  const ir::Dims& src = emission.operand_type(0).dims;
  const Product product{src[0], emission.operand_type(1).dims[0], src[1]};
  if (emission.node().kernel == ir::Kernel::tiled)
    emit_forward_tiled(emission, product);
  else
    emit_forward_direct(emission, product);
}

template <> void emit<ir::DenseBackwardData>(Emission& emission) {
  const ir::Dims& weights = emission.operand_type(0).dims;
  const int64_t rows = emission.operand_type(1).dims[0];
  emit_tiled(emission, "backward_data", emission.operand(1), emission.operand(0),
             {rows, weights[1], weights[0], weights[0], 1, false});
}

template <> void emit<ir::DenseBackwardWeights>(Emission& emission) {
  const ir::Dims& src = emission.operand_type(0).dims;
  const int64_t outputs = emission.operand_type(1).dims[1];
  emit_tiled(emission, "backward_weights", emission.operand(1), emission.operand(0),
             {outputs, src[1], src[0], 1, outputs, false});
}

} // namespace kiln::codegen
