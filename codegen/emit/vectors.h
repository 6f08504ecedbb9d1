// Walking a run of elements in whole vectors and a masked tail: what nearly every emitter outside convolution does.
#pragma once

#include "codegen/emitter.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace kiln::codegen {

inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Elements that a task of a memory-bound kernel works on: 64 KiB a tensor.
inline constexpr int64_t kChunk = 16384;

// A vector of elements: its first one's offset, and which lanes are there (none: all).
struct Span {
  Index offset;
  std::optional<Mask> mask;
};

inline F32 load(KernelBuilder& k, Pointer from, const Span& at) {
  return at.mask ? k.load(from, at.offset, *at.mask) : k.load(from, at.offset);
}
inline void store(KernelBuilder& k, Pointer to, const Span& at, F32 value) {
  if (at.mask)
    k.store(to, at.offset, value, *at.mask);
  else
    k.store(to, at.offset, value);
}
// `value` where the span has lanes, `elsewhere` in the others.
inline F32 fill(KernelBuilder&, const Span& at, F32 value, double elsewhere) {
  return at.mask ? select(*at.mask, value, like(value, elsewhere)) : value;
}

// Covers [0, count), counted from `base`: a loop over whole vectors, then the tail.
template <class Body> void for_vectors(KernelBuilder& k, Index base, int64_t count, Body body, Unroll unroll = {}) {
  const int64_t width = k.width();
  const int64_t whole = count / width * width;
  if (whole == width)
    body(Span{base, {}});
  else if (whole > 0)
    k.for_range(
        0, whole, width,
        [&](Index i) {
          body(Span{base + i, {}});
        },
        unroll);
  if (whole < count) body(Span{base + whole, k.first_lanes(count - whole)});
}

// One task's share of `total` elements cut into chunks of kChunk: tasks = divide_up(total, kChunk).
template <class Body> void for_chunk(KernelBuilder& k, Index task, int64_t total, Body body, Unroll unroll = {}) {
  const int64_t width = k.width();
  const int64_t whole = total / width * width;
  if (whole > 0)
    k.for_range(
        task * kChunk, min(task * kChunk + kChunk, whole), width,
        [&](Index i) {
          body(Span{i, {}});
        },
        unroll);
  if (whole == total) return;
  const auto tail = [&] { body(Span{k.index(whole), k.first_lanes(total - whole)}); };
  if (total <= kChunk)
    tail();
  else
    k.if_(task == (total - 1) / kChunk, tail);
}

inline int64_t chunk_count(int64_t total) { return divide_up(total, kChunk); }

// A 4-D or 2-D activation as planes of pixels: plane = n * blocks + block, each pixel holding `lanes` channels.
// Plain tensors are the case of one channel a pixel; of rank 2, pixels = 1.
struct Planes {
  int64_t samples, channels, pixels;
  int64_t lanes;  // channels a pixel holds: the layout's block, or 1
  int64_t blocks; // planes a sample

  explicit Planes(const ir::TensorType& type)
      : samples(type.dims[0]), channels(type.dims[1]), pixels(1),
        lanes(type.layout.kind == ir::LayoutKind::nchwc ? type.layout.block : 1), blocks(divide_up(channels, lanes)) {
    for (size_t d = 2; d < type.dims.size(); ++d) pixels *= type.dims[d];
  }
  bool blocked() const { return lanes != 1; }
  bool partial() const { return channels % lanes != 0; }
  int64_t last_lanes() const { return channels - (blocks - 1) * lanes; } // channels in the last block
  int64_t count() const { return samples * blocks; }
  int64_t elements() const { return pixels * lanes; } // of one plane
};

} // namespace kiln::codegen
