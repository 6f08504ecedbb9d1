// The draws of random ops: which element of an activation draws with which index, as emitted code does it.
// In N, H, W, C order, so that the index does not depend on the layout.
#pragma once

#include "ir/attributes.h"
#include "ir/evaluate.h"
#include "ir/ops/pixels.h"
#include "runtime/counter_random.h"

namespace kiln::ir {

// The uniform draws, in [0, 1), of a tensor whose dim 1 is the channel; a vector is one sample's channels.
class ElementDraws {
public:
  ElementDraws(const EvaluationFrame& frame, StreamId stream, const Dims& dims)
      : key_(random::stream_key(frame.seed, frame.step, stream.value)), channels_(dims[dims.size() == 1 ? 0 : 1]),
        pixels_(pixels_of(dims)) {}

  // Of the element at `index` in logical order.
  float of_element(int64_t index) const {
    const int64_t pixel = index % pixels_;
    return draw((sample(index) * pixels_ + pixel) * channels_ + channel(index));
  }
  // One for all pixels of the element's channel in its sample.
  float of_channel(int64_t index) const { return draw(sample(index) * channels_ + channel(index)); }

private:
  int64_t sample(int64_t index) const { return index / (channels_ * pixels_); }
  int64_t channel(int64_t index) const { return index / pixels_ % channels_; }
  float draw(int64_t number) const { return random::uniform(random::draw(key_, static_cast<uint64_t>(number))); }

  uint64_t key_;
  int64_t channels_;
  int64_t pixels_;
};

} // namespace kiln::ir
