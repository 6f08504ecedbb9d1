// The classification loss and its gradient, row by row. A label that is no class gives NaN and is never an address.
#include "ir/ops/softmax_cross_entropy.h"

#include "codegen/emit/rows.h"

namespace kiln::codegen {

namespace {
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
}

template <> void emit<ir::SoftmaxCrossEntropy>(Emission& emission) {
  const Rows shape(emission.operand_type(0));
  emission.launch("forward", {emission.operand(0), emission.operand(1), emission.result()}, {}, shape.tasks(),
                  [=](KernelBuilder& k) {
                    const Pointer logits = k.operand(0);
                    const Pointer labels = k.operand(1, ElementType::i32);
                    const Pointer loss = k.operand(2);
                    for_rows(k, shape, [&](Index row) {
                      const F32 largest = largest_of_row(k, shape, logits, row);
                      const F32 sum = exp_sum_of_row(k, shape, logits, row, largest);
                      const Label label(k, shape, labels, row);
                      const F32 chosen = k.load(logits, row * shape.columns + label.index, 1);
                      k.store(loss, row, select(label.valid, math::log(sum) + (largest - chosen), k.f32(kNaN, 1)));
                    });
                  });
}

template <> void emit<ir::SoftmaxCrossEntropyBackward>(Emission& emission) {
  const Rows shape(emission.operand_type(0));
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.operand(2), emission.result()}, {},
                  shape.tasks(), [=](KernelBuilder& k) {
                    const Pointer logits = k.operand(0);
                    const Pointer labels = k.operand(1, ElementType::i32);
                    const Pointer dloss = k.operand(2);
                    const Pointer dlogits = k.operand(3);
                    for_rows(k, shape, [&](Index row) {
                      const F32 largest = largest_of_row(k, shape, logits, row);
                      const F32 sum = broadcast(exp_sum_of_row(k, shape, logits, row, largest), k.width());
                      const Label label(k, shape, labels, row);
                      const F32 factor =
                          broadcast(select(label.valid, k.load(dloss, row, 1), k.f32(kNaN, 1)), k.width());
                      const U32 target = broadcast(low_u32(label.index), k.width());
                      for_vectors(k, k.index(0), shape.columns, [&](const Span& c) {
                        const Span at{row * shape.columns + c.offset, c.mask};
                        const F32 probability = exp_shifted(k, logits, at, largest) / sum;
                        const F32 expected = select(class_numbers(k, c.offset) == target, k.f32(1), k.zero());
                        store(k, dlogits, at, (probability - expected) * factor);
                      });
                    });
                  });
}

} // namespace kiln::codegen
