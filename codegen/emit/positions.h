// Kernels over the positions of a tensor [samples, classes, positions...]: vectors over positions, a loop over classes.
// A sample's result does not depend on the batch.
#pragma once

#include "codegen/emit/vectors.h"
#include "runtime/vector_math.h"

#include <limits>

namespace kiln::codegen {

struct Positions {
  int64_t samples, classes, count = 1; // of positions, in a sample

  explicit Positions(const ir::TensorType& logits) : samples(logits.dims[0]), classes(logits.dims[1]) {
    for (size_t d = 2; d < logits.dims.size(); ++d) count *= logits.dims[d];
  }
  // Whole vectors of any width.
  int64_t per_task() const { return std::max<int64_t>(kChunk / classes / 16, 1) * 16; }
  int64_t parts() const { return divide_up(count, per_task()); }
  int64_t tasks() const { return samples * parts(); }

  // Where the positions of one class begin.
  Index row(Index sample, Index c) const { return (sample * classes + c) * count; }
};

// body(sample, span of positions) for each task's share of a sample's positions.
template <class Body> void for_positions(KernelBuilder& k, const Positions& shape, Body body) {
  const int64_t whole = shape.count / k.width() * k.width();
  k.begin_tasks([&](Index task) {
    const Index sample = task / shape.parts();
    const Index part = task % shape.parts();
    const Index begin = part * shape.per_task();
    if (whole > 0)
      k.for_range(begin, min(begin + shape.per_task(), whole), k.width(), [&](Index i) { body(sample, Span{i, {}}); });
    if (whole == shape.count) return;
    const auto tail = [&] { body(sample, Span{k.index(whole), k.first_lanes(shape.count - whole)}); };
    if (shape.parts() == 1)
      tail();
    else
      k.if_(part == shape.parts() - 1, tail);
  });
}

// One task a sample: stores the sum of value(sample, span) over its positions.
template <class Value> void store_position_sums(KernelBuilder& k, const Positions& shape, Pointer sums, Value value) {
  k.begin_tasks([&](Index sample) {
    const Variable<F32> sum(k.zero());
    for_vectors(k, k.index(0), shape.count,
                [&](const Span& at) { sum.set(sum.get() + fill(k, at, value(sample, at), 0)); });
    k.store(sums, sample, sum_lanes(sum.get()));
  });
}

inline Span in_row(const Positions& shape, Index sample, Index c, const Span& at) {
  return {shape.row(sample, c) + at.offset, at.mask};
}

inline U32 class_number(KernelBuilder& k, Index c) { return broadcast(low_u32(c), k.width()); }

// The labels of a span, whose pointer is that of floats: a masked load knows no others, and moves bits alike.
inline U32 load_labels(KernelBuilder& k, Pointer labels, const Positions& shape, Index sample, const Span& at) {
  return bit_cast_to_int(load(k, labels, Span{sample * shape.count + at.offset, at.mask}));
}

// The largest value over the classes, for each position of a span.
inline F32 largest_of_classes(KernelBuilder& k, const Positions& shape, Pointer values, Index sample, const Span& at) {
  const Variable<F32> largest(k.f32(-std::numeric_limits<float>::infinity()));
  k.for_range(0, shape.classes, 1,
              [&](Index c) { largest.set(max(load(k, values, in_row(shape, sample, c, at)), largest.get())); });
  return largest.get();
}

// The sum of exp(x - largest) over the classes.
inline F32 exp_sum_of_classes(KernelBuilder& k, const Positions& shape, Pointer values, Index sample, const Span& at,
                              F32 largest) {
  const Variable<F32> sum(k.zero());
  k.for_range(0, shape.classes, 1, [&](Index c) {
    sum.set(sum.get() + math::exp(load(k, values, in_row(shape, sample, c, at)) - largest));
  });
  return sum.get();
}

} // namespace kiln::codegen
