// The class of the first largest logit, at each position. Numbers are stored as the bits of floats, through a mask.
#include "ir/ops/argmax.h"

#include "codegen/emit/positions.h"

namespace kiln::codegen {

template <> void emit<ir::Argmax>(Emission& emission) {
  const Positions shape(emission.operand_type(0));
  emission.launch("forward", {emission.operand(0), emission.result()}, {}, shape.tasks(), [=](KernelBuilder& k) {
    const Pointer logits = k.operand(0);
    const Pointer dst = k.operand(1);
    for_positions(k, shape, [&](Index sample, const Span& at) {
      const F32 first = load(k, logits, in_row(shape, sample, k.index(0), at));
      const Variable<F32> largest(first);
      const Variable<U32> best(select(first == first, k.u32(0), k.u32(~0u)));
      k.for_range(1, shape.classes, 1, [&](Index c) {
        const F32 x = load(k, logits, in_row(shape, sample, c, at));
        const Mask larger = x > largest.get();
        const U32 choice = select(larger, class_number(k, c), best.get());
        // A NaN is larger than nothing, and once met stays the choice.
        best.set(select((x == x) & (!(best.get() == k.u32(~0u))), choice, k.u32(~0u)));
        largest.set(select(larger, x, largest.get()));
      });
      store(k, dst, Span{sample * shape.count + at.offset, at.mask}, bit_cast_to_float(best.get()));
    });
  });
}

} // namespace kiln::codegen
