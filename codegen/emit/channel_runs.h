// Rows of weights whose inputs carry channels (ir::InputChannels), walked in vectors together with the value that an
// attribute lists for each input's channel.
#pragma once

#include "codegen/emit/vectors.h"
#include "ir/ops/channel_values.h"

namespace kiln::codegen {

// body(span within the row, values of its lanes) over one row of inputs.
template <class Body>
void for_channel_runs(KernelBuilder& k, const ir::InputChannels& inputs, const std::vector<double>& values, Body body) {
  if (inputs.per_channel > 1) {
    for (size_t channel = 0; channel < values.size(); ++channel) {
      const F32 value = k.f32(static_cast<float>(values[channel]));
      for_vectors(k, k.index(static_cast<int64_t>(channel) * inputs.per_channel), inputs.per_channel,
                  [&](const Span& at) { body(at, value); });
    }
    return;
  }
  // One input a channel: each vector of inputs meets a constant vector of values.
  for (int64_t first = 0; first < inputs.inputs; first += k.width()) {
    F32 lanes = k.zero();
    const int64_t count = std::min<int64_t>(k.width(), inputs.inputs - first);
    for (int64_t i = 0; i < count; ++i)
      lanes =
          insert(lanes, static_cast<int32_t>(i), k.f32(static_cast<float>(values[static_cast<size_t>(first + i)]), 1));
    Span at{k.index(first), {}};
    if (count < k.width()) at.mask = k.first_lanes(count);
    body(at, lanes);
  }
}

} // namespace kiln::codegen
