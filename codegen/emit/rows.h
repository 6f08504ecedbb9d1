// Kernels over the rows of a matrix [samples, classes]: a task takes some rows, each row is worked on alone, in vectors
// over its classes, so that a row's result does not depend on the batch.
#pragma once

#include "codegen/emit/vectors.h"
#include "runtime/vector_math.h"

#include <limits>

namespace kiln::codegen {

struct Rows {
  int64_t rows, columns;

  explicit Rows(const ir::TensorType& matrix) : rows(matrix.dims[0]), columns(matrix.elements() / matrix.dims[0]) {}
  Rows(int64_t rows, int64_t columns) : rows(rows), columns(columns) {}
  int64_t per_task() const { return std::max<int64_t>(kChunk / 16 / columns, 1); }
  int64_t tasks() const { return divide_up(rows, per_task()); }
};

// body(row) for each row of each task.
template <class Body> void for_rows(KernelBuilder& k, const Rows& shape, Body body) {
  k.begin_tasks([&](Index task) {
    const Index first = task * shape.per_task();
    k.for_range(first, min(first + shape.per_task(), shape.rows), 1, [&](Index row) { body(row); });
  });
}

// The largest element of a row, in one lane. A NaN may or may not be it; what is computed from it meets the NaN again.
inline F32 largest_of_row(KernelBuilder& k, const Rows& shape, Pointer matrix, Index row) {
  constexpr double least = -std::numeric_limits<double>::infinity();
  const Variable<F32> largest(k.f32(static_cast<float>(least)));
  for_vectors(k, row * shape.columns, shape.columns,
              [&](const Span& at) { largest.set(max(fill(k, at, load(k, matrix, at), least), largest.get())); });
  return max_lanes(largest.get());
}

// exp(x - largest) of a span, 0 in lanes that are not there.
inline F32 exp_shifted(KernelBuilder& k, Pointer matrix, const Span& at, F32 largest) {
  return fill(k, at, math::exp(load(k, matrix, at) - broadcast(largest, k.width())), 0);
}

// The sum of exp(x - largest) over a row, in one lane.
inline F32 exp_sum_of_row(KernelBuilder& k, const Rows& shape, Pointer matrix, Index row, F32 largest) {
  const Variable<F32> sum(k.zero());
  for_vectors(k, row * shape.columns, shape.columns,
              [&](const Span& at) { sum.set(sum.get() + exp_shifted(k, matrix, at, largest)); });
  return sum_lanes(sum.get());
}

// A row's label, whether it is a class, and a class to read at in any case.
struct Label {
  Index index;
  Condition valid;

  Label(KernelBuilder& k, const Rows& shape, Pointer labels, Index row) {
    const Index given = k.load_index(labels, row);
    valid = (given >= 0) & (given < shape.columns);
    index = select(valid, given, k.index(0));
  }
};

// The class number of each lane of a span that starts at class `first`.
inline U32 class_numbers(KernelBuilder& k, Index first) {
  return k.lane_numbers() + broadcast(low_u32(first), k.width());
}

} // namespace kiln::codegen
