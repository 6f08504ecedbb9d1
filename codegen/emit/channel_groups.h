// Sums over samples and pixels, channel by channel: a task works on a group of `width` channels, vectors holding either
// channels (blocked tensors, matrices) or pixels of one channel (plain tensors of rank 4).
#pragma once

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

// Values a channel of what a task works on at one time: a vector of channels, or one channel's in all lanes.
struct ChannelLanes {
  KernelBuilder* k;
  const Planes* planes;
  Index channel;            // the first
  std::optional<Mask> mask; // of the channels; none: all, or a single one
  bool single;              // one channel; vectors hold its pixels

  F32 load_value(Pointer values) const {
    return single ? k->load_broadcast(values, channel) : load(*k, values, {channel, mask});
  }
  void store_value(Pointer values, F32 value) const {
    if (single)
      k->store(values, channel, extract(value, 0));
    else
      store(*k, values, {channel, mask}, value);
  }
  // Of partial sums in lanes: the sum in every lane that stands for the channel.
  F32 total(F32 sum) const { return single ? broadcast(sum_lanes(sum), k->width()) : sum; }

  // The first element of each channel in sample n.
  F32 first_of(Pointer tensor, Index n) const {
    if (planes->blocked()) return k->load(tensor, (n * planes->blocks) * planes->elements() + channel * planes->pixels);
    if (!single) return load(*k, tensor, {n * planes->channels + channel, mask});
    return k->load_broadcast(tensor, (n * planes->channels + channel) * planes->pixels);
  }

  // visit(span) over all elements of samples [first, last). Lanes that a span lacks are for the visitor to mask.
  template <class Visit> void for_each(Index first, Index last, Visit visit) const {
    k->for_range(first, last, 1, [&](Index n) {
      if (planes->blocked()) {
        const Index plane = (n * planes->blocks) * planes->elements() + channel * planes->pixels;
        k->for_range(0, planes->elements(), planes->lanes, [&](Index i) { visit(Span{plane + i, {}}); });
      } else if (!single) {
        visit(Span{n * planes->channels + channel, mask});
      } else {
        for_vectors(*k, (n * planes->channels + channel) * planes->pixels, planes->pixels, visit);
      }
    });
  }
};

// body(lanes) for the channels of a group.
template <class Body> void for_channels(KernelBuilder& k, const Planes& planes, Index group, Body body) {
  const int64_t width = k.width();
  const Index channel = group * width;
  if (planes.blocked()) {
    body(ChannelLanes{&k, &planes, channel, {}, false});
  } else if (planes.pixels == 1) {
    const Mask mask = k.first_lanes(min(k.index(planes.channels) - channel, width));
    body(ChannelLanes{&k, &planes, channel, mask, false});
  } else {
    k.for_range(channel, min(channel + width, planes.channels), 1, [&](Index c) {
      body(ChannelLanes{&k, &planes, c, {}, true});
    });
  }
}

// The samples of a shard: [shard N / shards, (shard + 1) N / shards).
inline Index first_of_shard(Index shard, int64_t samples, int64_t shards) { return shard * samples / shards; }

// Merges the partial results of shards in a fixed tree: neighbours, then neighbours of those, into the first of each.
// merge(left, right, end): the partial result at shard `left`, of samples up to shard `right`, takes over that at
// `right`, of samples up to shard `end`.
template <class Merge> void merge_shards(KernelBuilder& k, int64_t shards, Merge merge) {
  for (int64_t apart = 1; apart < shards; apart *= 2)
    k.for_range(0, shards - apart, 2 * apart,
                [&](Index left) { merge(left, left + apart, min(left + 2 * apart, shards)); });
}

} // namespace kiln::codegen
