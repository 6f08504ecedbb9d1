// Rrelu and its gradient: each draws the same slopes.
// Neither keeps them: drawing is cheaper than memory.
#include "ir/ops/rrelu.h"

#include "codegen/emit/element_draws.h"

namespace kiln::codegen {

template <> void emit<ir::Rrelu>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::Rrelu>();
  const ElementDraws draws(emission.operand_type(0));
  emission.launch("forward", {emission.operand(0), emission.result()}, {static_cast<int64_t>(attributes.stream.value)},
                  draws.tasks(), [=](KernelBuilder& k) {
                    const Pointer src = k.operand(0);
                    const Pointer dst = k.operand(1);
                    const Index key = random::stream_key(k.seed(), k.step(), k.scalar(0));
                    draws.for_each(k, key, [&](const Span& at, F32 u) {
                      store(k, dst, at, ir::Rrelu::formula(attributes, load(k, src, at), u));
                    });
                  });
}

template <> void emit<ir::RreluBackward>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::RreluBackward>();
  const ElementDraws draws(emission.operand_type(0));
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.result()},
                  {static_cast<int64_t>(attributes.stream.value)}, draws.tasks(), [=](KernelBuilder& k) {
                    const Pointer y = k.operand(0);
                    const Pointer dy = k.operand(1);
                    const Pointer dx = k.operand(2);
                    const Index key = random::stream_key(k.seed(), k.step(), k.scalar(0));
                    draws.for_each(k, key, [&](const Span& at, F32 u) {
                      store(k, dx, at, ir::RreluBackward::formula(attributes, load(k, y, at), load(k, dy, at), u));
                    });
                  });
}

} // namespace kiln::codegen
