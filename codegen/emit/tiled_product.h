// Matrix products by register tiles over packed panels: what dense layers do with batches.
#pragma once

#include "codegen/emit/vectors.h"

#include <cstdint>
#include <functional>

namespace kiln::codegen {

// c[r, q] = sum over d of a[r a_row + d a_depth] b[d, q], added in ascending order of d, so that a result depends on
// neither its tile nor the other rows. c is row-major, and so is b, or (b_transposed) its transpose.
struct TiledProduct {
  int64_t rows, columns, depth;
  int64_t a_row, a_depth;
  bool b_transposed;
};

int64_t tiled_product_tasks(const TiledProduct& product, const ir::Target& target);

// What is stored of a vector of a row's sums; `element` is the first one's offset in c.
using FinishSums = std::function<F32(F32 sums, const Span& columns, Index element)>;

// Begins the tasks.
void emit_tiled_product(KernelBuilder& kernel, const TiledProduct& product, Pointer a, Pointer b, Pointer c,
                        const FinishSums& finish);

} // namespace kiln::codegen
