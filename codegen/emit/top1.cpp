// Whether each row's first largest logit is the label's: no logit before it is as large and none behind it larger.
#include "ir/ops/top1.h"

#include "codegen/emit/rows.h"

namespace kiln::codegen {

template <> void emit<ir::Top1>(Emission& emission) {
  const Rows shape(emission.operand_type(0));
  emission.launch("forward", {emission.operand(0), emission.operand(1), emission.result()}, {}, shape.tasks(),
                  [=](KernelBuilder& k) {
                    const Pointer logits = k.operand(0);
                    const Pointer labels = k.operand(1, ElementType::i32);
                    const Pointer correct = k.operand(2);
                    for_rows(k, shape, [&](Index row) {
                      const Label label(k, shape, labels, row);
                      const F32 chosen = k.load_broadcast(logits, row * shape.columns + label.index);
                      const U32 target = broadcast(low_u32(label.index), k.width());
                      const Variable<F32> beaten(
                          k.zero()); // 1 in lanes that saw a logit which comes before the label's
                      for_vectors(k, k.index(0), shape.columns, [&](const Span& c) {
                        const F32 other = load(k, logits, Span{row * shape.columns + c.offset, c.mask});
                        const Mask before = class_numbers(k, c.offset) < target;
                        Mask holds = (before & (other < chosen)) | ((!before) & (other <= chosen));
                        if (c.mask) holds = holds | (!*c.mask);
                        beaten.set(select(holds, beaten.get(), k.f32(1)));
                      });
                      k.store(correct, row, select(label.valid, 1.0f - max_lanes(beaten.get()), k.zero(1)));
                    });
                  });
}

} // namespace kiln::codegen
