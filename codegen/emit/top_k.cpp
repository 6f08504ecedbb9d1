// How many logits come before the label's, at each position; and the count of positions where they are few enough.
#include "ir/ops/top_k.h"

#include "codegen/emit/positions.h"

namespace kiln::codegen {

template <> void emit<ir::TopK>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::TopK>();
  const Positions shape(emission.operand_type(0));
  emission.launch("forward", {emission.operand(0), emission.operand(1), emission.result()}, {}, shape.samples,
                  [=](KernelBuilder& k) {
                    const Pointer logits = k.operand(0);
                    const Pointer labels = k.operand(1);
                    store_position_sums(k, shape, k.operand(2), [&](Index sample, const Span& at) {
                      const U32 label = load_labels(k, labels, shape, sample, at);
                      const Variable<F32> chosen(k.zero());
                      k.for_range(0, shape.classes, 1, [&](Index c) {
                        const F32 x = load(k, logits, in_row(shape, sample, c, at));
                        chosen.set(select(class_number(k, c) == label, x, chosen.get()));
                      });
                      const Variable<F32> before(k.zero());
                      k.for_range(0, shape.classes, 1, [&](Index c) {
                        const F32 x = load(k, logits, in_row(shape, sample, c, at));
                        const Mask lower = class_number(k, c) < label;
                        const Mask behind = (lower & (x < chosen.get())) | ((!lower) & (x <= chosen.get()));
                        before.set(before.get() + select(behind, k.zero(), k.f32(1)));
                      });
                      Mask counts = (before.get() < static_cast<float>(attributes.k)) & (chosen.get() == chosen.get()) &
                                    (label < static_cast<uint32_t>(shape.classes));
                      if (attributes.ignored.exists)
                        counts = counts & (!(label == like(label, static_cast<uint32_t>(attributes.ignored.label))));
                      return select(counts, k.f32(1), k.zero());
                    });
                  });
}

} // namespace kiln::codegen
