// The penalty on a tensor: one task, which adds up chunks of it and then their sums, so that rounding does not grow
// with the tensor. Padding lanes are zero and add nothing.
#include "ir/ops/penalty.h"

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

template <> void emit<ir::Penalty>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::Penalty>();
  const int64_t total = emission.operand_type(0).physical_elements();
  emission.launch("forward", {emission.operand(0), emission.result()}, {}, 1, [=](KernelBuilder& k) {
    k.begin_tasks([&](Index) {
      const Variable<F32> sum(k.zero());
      k.for_range(0, chunk_count(total), 1, [&](Index chunk) {
        const Variable<F32> part(k.zero());
        for_chunk(k, chunk, total, [&](const Span& at) {
          const F32 x = load(k, k.operand(0), at);
          const F32 size = select(x < 0.0f, -x, x);
          const F32 own = size * like(x, attributes.l1) + x * x * like(x, attributes.l2 / 2);
          part.set(part.get() + own);
        });
        sum.set(sum.get() + part.get());
      });
      k.store(k.operand(1), 0, sum_lanes(sum.get()));
    });
  });
}

} // namespace kiln::codegen
