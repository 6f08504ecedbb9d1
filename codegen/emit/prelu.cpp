// Prelu and its gradients. The slope's is summed like a bias's: owned by one task a group of channels, or sharded over
// samples and added up in ascending order. A shared slope's goes through partial sums a channel in any case.
#include "ir/ops/prelu.h"

#include "codegen/emit/channel_sums.h"
#include "ir/kernel.h"

namespace kiln::codegen {

namespace {

// Rows of a matrix that one task of about kChunk elements takes.
int64_t rows_of_task(int64_t columns) { return std::max<int64_t>(kChunk / columns, 1); }

// Launches body(span of elements, their slopes) over a whole tensor. The slope is kernel operand 1; the tensors are
// bound by `bind` before the tasks begin, which gives the body.
template <class Bind>
void launch_with_slopes(Emission& emission, std::string_view part, const std::vector<BufferRef>& buffers, Bind bind) {
  const Planes planes(emission.operand_type(0));
  const bool shared = emission.operand_type(1).dims[0] == 1;
  if (planes.pixels == 1 && !planes.blocked()) {
    const int64_t rows = rows_of_task(planes.channels);
    emission.launch(part, buffers, {}, divide_up(planes.samples, rows), [=](KernelBuilder& k) {
      const Pointer slope = k.operand(1);
      const auto body = bind(k);
      k.begin_tasks([&](Index task) {
        k.for_range(task * rows, min(task * rows + rows, planes.samples), 1, [&](Index n) {
          for_vectors(k, k.index(0), planes.channels, [&](const Span& c) {
            body(Span{n * planes.channels + c.offset, c.mask},
                 shared ? k.load_broadcast(slope, k.index(0)) : load(k, slope, c));
          });
        });
      });
    });
    return;
  }
  emission.launch(part, buffers, {}, planes.count(), [=](KernelBuilder& k) {
    const Pointer slope = k.operand(1);
    const auto body = bind(k);
    k.begin_tasks([&](Index plane) {
      const Index block = plane % planes.blocks;
      const F32 value = shared             ? k.load_broadcast(slope, k.index(0))
                        : planes.blocked() ? k.load(slope, block * planes.lanes)
                                           : k.load_broadcast(slope, block);
      for_vectors(k, plane * planes.elements(), planes.elements(), [&](const Span& at) { body(at, value); });
    });
  });
}

} // namespace

template <> void emit<ir::Prelu>(Emission& emission) {
  const Aliasing aliasing = emission.in_place(0) ? Aliasing::in_place : Aliasing::none;
  launch_with_slopes(emission, "forward", {emission.operand(0), emission.operand(1), emission.result()},
                     [=](KernelBuilder& k) {
                       const Pointer src = k.operand(0, ElementType::f32, aliasing);
                       const Pointer dst = k.operand(2, ElementType::f32, aliasing);
                       return [&k, src, dst](const Span& at, F32 slope) {
                         store(k, dst, at, ir::Prelu::formula(load(k, src, at), slope));
                       };
                     });
}

template <> void emit<ir::PreluBackward>(Emission& emission) {
  launch_with_slopes(emission, "backward",
                     {emission.operand(0), emission.operand(1), emission.operand(2), emission.result()},
                     [](KernelBuilder& k) {
                       const Pointer src = k.operand(0);
                       const Pointer ddst = k.operand(2);
                       const Pointer dsrc = k.operand(3);
                       return [&k, src, ddst, dsrc](const Span& at, F32 slope) {
                         store(k, dsrc, at, ir::PreluBackward::formula(load(k, src, at), slope, load(k, ddst, at)));
                       };
                     });
}

template <> void emit<ir::PreluBackwardSlope>(Emission& emission) {
  const bool shared = emission.node().attributes<ir::PreluBackwardSlope>().shared;
  const Planes planes(emission.operand_type(0));
  const int64_t groups = divide_up(planes.channels, emission.target().vector_width);
  const int64_t channels = ir::channel_sum_elements(emission.node(), emission.target());
  const int64_t shards = ir::shard_count(emission.node(), emission.target());
  const auto sum = [=](KernelBuilder& k, Index group, Index first, Index last, Pointer src, Pointer ddst, Pointer to) {
    sum_group(k, planes, group, first, last, to,
              [&](const Span& at) { return ir::PreluBackwardSlope::formula(load(k, src, at), load(k, ddst, at)); });
  };
  if (shards == 1 && !shared) {
    emission.launch(
        "owned", {emission.operand(0), emission.operand(1), emission.result()}, {}, groups, [=](KernelBuilder& k) {
          const Pointer src = k.operand(0);
          const Pointer ddst = k.operand(1);
          const Pointer dslope = k.operand(2);
          k.begin_tasks([&](Index group) { sum(k, group, k.index(0), k.index(planes.samples), src, ddst, dslope); });
        });
    return;
  }
  emission.launch("shards", {emission.operand(0), emission.operand(1), emission.workspace()}, {}, shards * groups,
                  [=](KernelBuilder& k) {
                    const Pointer src = k.operand(0);
                    const Pointer ddst = k.operand(1);
                    const Pointer partial = k.operand(2);
                    k.begin_tasks([&](Index task) {
                      const Index shard = task / groups;
                      sum(k, task % groups, shard * planes.samples / shards, (shard + 1) * planes.samples / shards, src,
                          ddst, partial + shard * channels);
                    });
                  });
  if (shared) {
    emission.launch("sum", {emission.workspace(), emission.result()}, {}, 1, [=](KernelBuilder& k) {
      const Pointer partial = k.operand(0);
      const Pointer dslope = k.operand(1);
      k.begin_tasks([&](Index) {
        const Variable<F32> total(k.zero());
        k.for_range(0, shards, 1, [&](Index shard) {
          for_vectors(k, shard * channels, planes.channels,
                      [&](const Span& at) { total.set(total.get() + load(k, partial, at)); });
        });
        k.store(dslope, 0, sum_lanes(total.get()));
      });
    });
    return;
  }
  emission.launch("sum", {emission.workspace(), emission.result()}, {}, chunk_count(channels), [=](KernelBuilder& k) {
    const Pointer partial = k.operand(0);
    const Pointer dslope = k.operand(1);
    k.begin_tasks([&](Index task) {
      for_chunk(k, task, channels, [&](const Span& at) {
        F32 total = load(k, partial, at);
        for (int64_t shard = 1; shard < shards; ++shard) total = total + load(k, partial + shard * channels, at);
        store(k, dslope, at, total);
      });
    });
  });
}

} // namespace kiln::codegen
