// Dropout: draws, and keeps or drops.
// It is its own gradient, so there is no other kernel.
#include "ir/ops/dropout.h"

#include "codegen/emit/element_draws.h"

namespace kiln::codegen {

template <> void emit<ir::Dropout>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::Dropout>();
  const ElementDraws draws(emission.operand_type(0), attributes.whole_channels);
  const Aliasing aliasing = emission.in_place(0) ? Aliasing::in_place : Aliasing::none;
  emission.launch("dropout", {emission.operand(0), emission.result()}, {static_cast<int64_t>(attributes.stream.value)},
                  draws.tasks(), [=](KernelBuilder& k) {
                    const Pointer src = k.operand(0, ElementType::f32, aliasing);
                    const Pointer dst = k.operand(1, ElementType::f32, aliasing);
                    const Index key = random::stream_key(k.seed(), k.step(), k.scalar(0));
                    draws.for_each(k, key, [&](const Span& at, F32 u) {
                      store(k, dst, at, ir::Dropout::formula(attributes, load(k, src, at), u));
                    });
                  });
}

} // namespace kiln::codegen
