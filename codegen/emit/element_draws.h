// Uniform draws for the elements of an activation: every lane draws for the logical index of its element, N, H, W, C
// order, whatever the layout.
// A Philox call gives four elements' words; each lane makes its own call and keeps one word, which costs four times the
// rounds but no shuffles, and serves every layout.
#pragma once

#include "codegen/emit/vectors.h"
#include "runtime/counter_random.h"

namespace kiln::codegen {

// Uniform draws of elements first, first + stride, ... one a lane.
inline F32 uniform_lanes(KernelBuilder& k, Index key, Index first, int64_t stride, int32_t lanes) {
  // Element first + lane stride = 4 (first / 4) + (first % 4 + lane stride): its block is first / 4 plus a small
  // number.
  const U32 beyond = broadcast(low_u32(first & 3), lanes) + k.lane_numbers(lanes) * static_cast<uint32_t>(stride);
  const Index block = first >> 2;
  const U32 start = broadcast(low_u32(block), lanes);
  const U32 low = start + (beyond >> 2);
  const U32 carried = select(low < start, k.u32(1, lanes), k.u32(0, lanes));
  const U32 high = broadcast(high_u32(block), lanes) + carried;
  const U32 zero = k.u32(0, lanes);
  const random::Counter4<U32> words = random::philox(random::Counter4<U32>{{low, high, zero, zero}},
                                                     broadcast(low_u32(key), lanes), broadcast(high_u32(key), lanes));
  const U32 number = beyond & 3;
  U32 word = words.x[3];
  for (uint32_t i = 0; i < 3; ++i) word = select(number == k.u32(i, lanes), words.x[i], word);
  return random::uniform(word);
}

// A walk over an activation in runs whose elements' indices are evenly spaced. `per_channel` draws once for all pixels
// of a sample's channel, with index n C + c.
class ElementDraws {
public:
  explicit ElementDraws(const ir::TensorType& type, bool per_channel = false)
      : planes_(at_least_matrix(type)), rows_(planes_.pixels == 1 && !planes_.blocked()), per_channel_(per_channel),
        run_(rows_ ? planes_.channels : planes_.elements()), stride_(rows_ || planes_.blocked() ? 1
                                                                     : per_channel              ? 0
                                                                                                : planes_.channels) {}

  int64_t tasks() const { return rows_ ? planes_.samples : planes_.count(); }

  // body(span, draws of its lanes) over all elements; begins the tasks.
  template <class Body> void for_each(KernelBuilder& k, Index key, Body body) const {
    k.begin_tasks([&](Index task) {
      const Index base = task * run_;
      const int64_t pixels = per_channel_ ? 1 : planes_.pixels; // that draw apart
      const Index sample = (task / planes_.blocks) * (pixels * planes_.channels);
      const Index channel = (task % planes_.blocks) * planes_.lanes;
      for_vectors(k, k.index(0), run_, [&](const Span& i) {
        Index element = base + i.offset;
        if (!rows_) {
          element = sample + channel;
          if (!per_channel_) {
            const Index pixel = planes_.blocked() ? i.offset / planes_.lanes : i.offset;
            element = element + pixel * planes_.channels;
          }
        }
        body(Span{base + i.offset, i.mask}, uniform_lanes(k, key, element, stride_, k.width()));
      });
    });
  }

private:
  // A vector is one sample's channels.
  static ir::TensorType at_least_matrix(ir::TensorType type) {
    if (type.dims.size() == 1) type.dims.insert(type.dims.begin(), 1);
    return type;
  }

  Planes planes_;
  bool rows_; // rank 2, or single pixels: a run is a sample's channels
  bool per_channel_;
  int64_t run_;
  int64_t stride_; // between two lanes of a run: neighbours in a pixel's channels, or pixels of one channel
};

} // namespace kiln::codegen
