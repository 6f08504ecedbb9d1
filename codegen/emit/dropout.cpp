// Dropout: every lane draws for the logical index of its element, N, H, W, C order, whatever the layout.
// A Philox call gives four elements' words; each lane makes its own call and keeps one word, which costs four times the
// rounds but no shuffles, and serves every layout.
#include "ir/ops/dropout.h"

#include "codegen/emit/vectors.h"
#include "runtime/counter_random.h"

namespace kiln::codegen {

namespace {

// Uniform draws of elements first, first + stride, ... one a lane.
F32 uniform_lanes(KernelBuilder& k, Index key, Index first, int64_t stride, int32_t lanes) {
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

} // namespace

template <> void emit<ir::Dropout>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::Dropout>();
  const Planes planes(emission.operand_type(0));
  const bool rows = planes.pixels == 1 && !planes.blocked(); // rank 2, or single pixels: a run is a sample's channels
  const int64_t run = rows ? planes.channels : planes.elements();
  const int64_t runs = rows ? planes.samples : planes.count();
  // Elements between two lanes of a run: neighbours in a pixel's channels, or pixels of one channel.
  const int64_t stride = rows || planes.blocked() ? 1 : planes.channels;
  const Aliasing aliasing = emission.in_place(0) ? Aliasing::in_place : Aliasing::none;
  emission.launch("dropout", {emission.operand(0), emission.result()}, {static_cast<int64_t>(attributes.stream.value)},
                  runs, [=](KernelBuilder& k) {
                    const Pointer src = k.operand(0, ElementType::f32, aliasing);
                    const Pointer dst = k.operand(1, ElementType::f32, aliasing);
                    const Index key = random::stream_key(k.seed(), k.step(), k.scalar(0));
                    k.begin_tasks([&](Index task) {
                      const Index base = task * run;
                      const Index sample = (task / planes.blocks) * (planes.pixels * planes.channels);
                      const Index channel = (task % planes.blocks) * planes.lanes;
                      for_vectors(k, k.index(0), run, [&](const Span& i) {
                        Index element = base + i.offset;
                        if (!rows) {
                          const Index pixel = planes.blocked() ? i.offset / planes.lanes : i.offset;
                          element = sample + pixel * planes.channels + channel;
                        }
                        const Span at{base + i.offset, i.mask};
                        const F32 u = uniform_lanes(k, key, element, stride, k.width());
                        store(k, dst, at, ir::Dropout::formula(attributes, load(k, src, at), u));
                      });
                    });
                  });
}

} // namespace kiln::codegen
