// Bias and its gradient, which sums over samples and pixels.
#include "ir/ops/bias.h"

#include "codegen/emit/launch_channel_sums.h"

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
  launch_channel_sums(
      emission, {emission.operand(0)},
      [](KernelBuilder& k, const std::vector<Pointer>& tensors, const Span& at) { return load(k, tensors[0], at); });
}

} // namespace kiln::codegen
