// Bias and its gradient. The gradient sums over samples and pixels: owned by one task a group of channels, or, where
// there are few channels, sharded over samples and added up in ascending order.
#include "ir/ops/bias.h"

#include "codegen/emit/channel_sums.h"
#include "ir/kernel.h"

namespace kiln::codegen {

namespace {

// Rows of a matrix that one task of about kChunk elements takes.
int64_t rows_of_task(int64_t columns) { return std::max<int64_t>(kChunk / columns, 1); }

} // namespace

template <> void emit<ir::Bias>(Emission& emission) {
  const Planes planes(emission.operand_type(0));
  const bool in_place = emission.in_place(0);
  const Aliasing aliasing = in_place ? Aliasing::in_place : Aliasing::none;
  const std::vector<BufferRef> buffers = {emission.operand(0), emission.operand(1), emission.result()};
  if (planes.pixels == 1 && !planes.blocked()) {
    const int64_t rows = rows_of_task(planes.channels);
    emission.launch("forward", buffers, {}, divide_up(planes.samples, rows), [=](KernelBuilder& k) {
      const Pointer src = k.operand(0, ElementType::f32, aliasing);
      const Pointer bias = k.operand(1);
      const Pointer dst = k.operand(2, ElementType::f32, aliasing);
      k.begin_tasks([&](Index task) {
        k.for_range(task * rows, min(task * rows + rows, planes.samples), 1, [&](Index n) {
          const Index base = n * planes.channels;
          for_vectors(k, k.index(0), planes.channels, [&](const Span& c) {
            const Span at{base + c.offset, c.mask};
            store(k, dst, at, load(k, src, at) + load(k, bias, c));
          });
        });
      });
    });
    return;
  }
  emission.launch("forward", buffers, {}, planes.count(), [=](KernelBuilder& k) {
    const Pointer src = k.operand(0, ElementType::f32, aliasing);
    const Pointer bias = k.operand(1);
    const Pointer dst = k.operand(2, ElementType::f32, aliasing);
    k.begin_tasks([&](Index plane) {
      const Index base = plane * planes.elements();
      const Index block = plane % planes.blocks;
      const F32 value = planes.blocked() ? k.load(bias, block * planes.lanes) : k.load_broadcast(bias, block);
      for_vectors(k, base, planes.elements(), [&](const Span& at) { store(k, dst, at, load(k, src, at) + value); });
    });
  });
}

template <> void emit<ir::BiasBackward>(Emission& emission) {
  const Planes planes(emission.operand_type(0));
  const int64_t channels = emission.result_type().physical_elements();
  const int64_t groups = divide_up(planes.channels, emission.target().vector_width);
  const int64_t shards = ir::shard_count(emission.node(), emission.target());
  if (shards == 1) {
    emission.launch("owned", {emission.operand(0), emission.result()}, {}, groups, [=](KernelBuilder& k) {
      const Pointer ddst = k.operand(0);
      const Pointer dbias = k.operand(1);
      k.begin_tasks([&](Index group) {
        sum_group(k, planes, group, k.index(0), k.index(planes.samples), dbias,
                  [&](const Span& at) { return load(k, ddst, at); });
      });
    });
    return;
  }
  emission.launch("shards", {emission.operand(0), emission.workspace()}, {}, shards * groups, [=](KernelBuilder& k) {
    const Pointer ddst = k.operand(0);
    const Pointer partial = k.operand(1);
    k.begin_tasks([&](Index task) {
      const Index shard = task / groups;
      sum_group(k, planes, task % groups, shard * planes.samples / shards, (shard + 1) * planes.samples / shards,
                partial + shard * channels, [&](const Span& at) { return load(k, ddst, at); });
    });
  });
  emission.launch("sum", {emission.workspace(), emission.result()}, {}, chunk_count(channels), [=](KernelBuilder& k) {
    const Pointer partial = k.operand(0);
    const Pointer dbias = k.operand(1);
    k.begin_tasks([&](Index task) {
      for_chunk(k, task, channels, [&](const Span& at) {
        F32 sum = load(k, partial, at);
        for (int64_t shard = 1; shard < shards; ++shard) sum = sum + load(k, partial + shard * channels, at);
        store(k, dbias, at, sum);
      });
    });
  });
}

} // namespace kiln::codegen
