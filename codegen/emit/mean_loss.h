// The emitters of ir/ops/mean_loss.h: a sample's mean of a formula over its values, and the formula of its derivative.
// Row by row, so that a sample's loss does not depend on the batch.
#pragma once

#include "codegen/emit/rows.h"

namespace kiln::codegen {

template <class Op> void emit_mean_loss(Emission& emission) {
  const auto attributes = emission.node().attributes<Op>();
  const Rows shape(emission.operand_type(0));
  emission.launch("forward", {emission.operand(0), emission.operand(1), emission.result()}, {}, shape.tasks(),
                  [=](KernelBuilder& k) {
                    const Pointer prediction = k.operand(0);
                    const Pointer target = k.operand(1);
                    const Pointer loss = k.operand(2);
                    for_rows(k, shape, [&](Index row) {
                      const Variable<F32> sum(k.zero());
                      for_vectors(k, row * shape.columns, shape.columns, [&](const Span& at) {
                        const F32 cost = Op::formula(attributes, load(k, prediction, at), load(k, target, at));
                        sum.set(sum.get() + fill(k, at, cost, 0));
                      });
                      k.store(loss, row, sum_lanes(sum.get()) / static_cast<float>(shape.columns));
                    });
                  });
}

template <class Op> void emit_mean_loss_backward(Emission& emission) {
  const auto attributes = emission.node().attributes<Op>();
  const Rows shape(emission.result_type());
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.operand(2), emission.result()}, {},
                  shape.tasks(), [=](KernelBuilder& k) {
                    const Pointer prediction = k.operand(0);
                    const Pointer target = k.operand(1);
                    const Pointer dloss = k.operand(2);
                    const Pointer dprediction = k.operand(3);
                    for_rows(k, shape, [&](Index row) {
                      const F32 share = k.load_broadcast(dloss, row) / static_cast<float>(shape.columns);
                      for_vectors(k, row * shape.columns, shape.columns, [&](const Span& at) {
                        const F32 slope = Op::formula(attributes, load(k, prediction, at), load(k, target, at));
                        store(k, dprediction, at, slope * share);
                      });
                    });
                  });
}

} // namespace kiln::codegen
