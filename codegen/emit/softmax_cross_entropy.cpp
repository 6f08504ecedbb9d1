// The classification loss and its gradient, row by row. A label that is no class gives NaN and is never an address.
#include "ir/ops/softmax_cross_entropy.h"

#include "codegen/emit/rows.h"

namespace kiln::codegen {

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// The sum of largest - x over a row, in one lane.
F32 distance_of_row(KernelBuilder& k, const Rows& shape, Pointer logits, Index row, F32 largest) {
  const Variable<F32> sum(k.zero());
  for_vectors(k, row * shape.columns, shape.columns, [&](const Span& at) {
    sum.set(sum.get() + fill(k, at, broadcast(largest, k.width()) - load(k, logits, at), 0));
  });
  return sum_lanes(sum.get());
}

} // namespace

template <> void emit<ir::SoftmaxCrossEntropy>(Emission& emission) {
  const double smoothing = emission.node().attributes<ir::SoftmaxCrossEntropy>().label_smoothing;
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
                      F32 below = largest - chosen;
                      if (smoothing != 0) {
                        const F32 all_below = distance_of_row(k, shape, logits, row, largest);
                        below = below * like(below, 1 - smoothing) +
                                all_below * like(below, smoothing / static_cast<double>(shape.columns));
                      }
                      k.store(loss, row, select(label.valid, math::log(sum) + below, k.f32(kNaN, 1)));
                    });
                  });
}

template <> void emit<ir::SoftmaxCrossEntropyBackward>(Emission& emission) {
  const double smoothing = emission.node().attributes<ir::SoftmaxCrossEntropyBackward>().label_smoothing;
  const Rows shape(emission.operand_type(0));
  const auto classes = static_cast<double>(shape.columns);
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
                        const F32 expected =
                            select(class_numbers(k, c.offset) == target, like(sum, 1 - smoothing + smoothing / classes),
                                   like(sum, smoothing / classes));
                        store(k, dlogits, at, (probability - expected) * factor);
                      });
                    });
                  });
}

} // namespace kiln::codegen
