// Sums over samples and pixels, one a channel: the gradients of what is learnt per channel. What is added up is a
// function of where an element lies.
#pragma once

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

// Adds up samples [first, last) of the channels of one group (`width` of them, or a block) into `to`, which has room
// for whole groups. value(span) gives the elements there, 0 in lanes that are not there and in padding lanes.
template <class Value>
void sum_group(KernelBuilder& k, const Planes& planes, Index group, Index first, Index last, Pointer to, Value value) {
  const int64_t width = k.width();
  if (planes.blocked()) {
    const Variable<F32> sum(k.zero());
    k.for_range(first, last, 1, [&](Index n) {
      const Index plane = (n * planes.blocks + group) * planes.elements();
      k.for_range(0, planes.elements(), planes.lanes, [&](Index i) {
        sum.set(sum.get() + value(Span{plane + i, {}}));
      });
    });
    k.store(to, group * width, sum.get());
    return;
  }
  const Index channel = group * width;
  if (planes.pixels == 1) {
    const Mask mask = k.first_lanes(min(k.index(planes.channels) - channel, width));
    const Variable<F32> sum(k.zero());
    k.for_range(first, last, 1, [&](Index n) {
      sum.set(sum.get() + value(Span{n * planes.channels + channel, mask}));
    });
    k.store(to, channel, sum.get(), mask);
    return;
  }
  k.for_range(channel, min(channel + width, planes.channels), 1, [&](Index c) {
    const Variable<F32> sum(k.zero());
    k.for_range(first, last, 1, [&](Index n) {
      for_vectors(k, (n * planes.channels + c) * planes.pixels, planes.pixels,
                  [&](const Span& at) { sum.set(sum.get() + value(at)); });
    });
    k.store(to, c, sum_lanes(sum.get()));
  });
}

} // namespace kiln::codegen
