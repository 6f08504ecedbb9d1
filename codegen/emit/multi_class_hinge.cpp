// The multi-class hinge loss and its gradient, row by row. A label that is no class gives NaN and is never an address.
// The label's own lane is set to 0 wherever the other classes are summed.
#include "ir/ops/multi_class_hinge.h"

#include "codegen/emit/rows.h"

namespace kiln::codegen {

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// The formula of a span of classes against the label's logit; 0 at the label.
template <class Op, class Attributes>
F32 of_others(KernelBuilder& k, const Attributes& attributes, const Span& c, F32 logits, F32 of_label, U32 label) {
  return select(class_numbers(k, c.offset) == label, k.zero(), Op::formula(attributes, logits, of_label));
}

} // namespace

template <> void emit<ir::MultiClassHinge>(Emission& emission) {
  using Op = ir::MultiClassHinge;
  const auto attributes = emission.node().attributes<Op>();
  const Rows shape(emission.operand_type(0));
  emission.launch("forward", {emission.operand(0), emission.operand(1), emission.result()}, {}, shape.tasks(),
                  [=](KernelBuilder& k) {
                    const Pointer logits = k.operand(0);
                    const Pointer labels = k.operand(1, ElementType::i32);
                    const Pointer loss = k.operand(2);
                    for_rows(k, shape, [&](Index row) {
                      const Label label(k, shape, labels, row);
                      const F32 of_label = k.load_broadcast(logits, row * shape.columns + label.index);
                      const U32 number = broadcast(low_u32(label.index), k.width());
                      const Variable<F32> sum(k.zero());
                      for_vectors(k, k.index(0), shape.columns, [&](const Span& c) {
                        const F32 x = load(k, logits, Span{row * shape.columns + c.offset, c.mask});
                        sum.set(sum.get() + fill(k, c, of_others<Op>(k, attributes, c, x, of_label, number), 0));
                      });
                      k.store(loss, row, select(label.valid, sum_lanes(sum.get()), k.f32(kNaN, 1)));
                    });
                  });
}

template <> void emit<ir::MultiClassHingeBackward>(Emission& emission) {
  using Op = ir::MultiClassHingeBackward;
  const auto attributes = emission.node().attributes<Op>();
  const Rows shape(emission.operand_type(0));
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.operand(2), emission.result()}, {},
                  shape.tasks(), [=](KernelBuilder& k) {
                    const Pointer logits = k.operand(0);
                    const Pointer labels = k.operand(1, ElementType::i32);
                    const Pointer dloss = k.operand(2);
                    const Pointer dlogits = k.operand(3);
                    for_rows(k, shape, [&](Index row) {
                      const Label label(k, shape, labels, row);
                      const F32 of_label = k.load_broadcast(logits, row * shape.columns + label.index);
                      const U32 number = broadcast(low_u32(label.index), k.width());
                      const F32 factor =
                          broadcast(select(label.valid, k.load(dloss, row, 1), k.f32(kNaN, 1)), k.width());
                      const Variable<F32> sum(k.zero());
                      const auto slopes = [&](const Span& c) {
                        const F32 x = load(k, logits, Span{row * shape.columns + c.offset, c.mask});
                        return of_others<Op>(k, attributes, c, x, of_label, number);
                      };
                      for_vectors(k, k.index(0), shape.columns,
                                  [&](const Span& c) { sum.set(sum.get() + fill(k, c, slopes(c), 0)); });
                      const F32 of_others_together = broadcast(sum_lanes(sum.get()), k.width());
                      for_vectors(k, k.index(0), shape.columns, [&](const Span& c) {
                        const F32 slope =
                            select(class_numbers(k, c.offset) == number, k.zero() - of_others_together, slopes(c));
                        store(k, dlogits, Span{row * shape.columns + c.offset, c.mask}, slope * factor);
                      });
                    });
                  });
}

} // namespace kiln::codegen
