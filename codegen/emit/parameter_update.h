// An optimiser's step: one pass over a parameter, its slots and its gradient, all of one layout. Padding lanes are zero
// in all of them and stay so.
#pragma once

#include "codegen/emit/vectors.h"
#include "ir/ops/parameter_update.h"

namespace kiln::codegen {

template <class Op> void launch_update(Emission& emission) {
  const auto attributes = emission.node().attributes<Op>();
  const int64_t total = emission.operand_type(0).physical_elements();
  std::vector<BufferRef> operands;
  for (size_t i = 0; i < Op::slots + 3; ++i) operands.push_back(emission.operand(i));
  emission.launch("update", operands, {}, chunk_count(total), [=](KernelBuilder& k) {
    std::array<Pointer, Op::slots + 1> states;
    for (size_t i = 0; i < states.size(); ++i) states[i] = k.operand(static_cast<int32_t>(i));
    const Pointer gradient = k.operand(Op::slots + 1);
    F32 rate = k.load_broadcast(k.operand(Op::slots + 2), 0);
    if (attributes.lr_multiplier != 1) rate = rate * like(rate, attributes.lr_multiplier);
    const auto prepared = Op::template prepare<F32>(attributes, broadcast(to_float(k.step() + 1), k.width()));
    k.begin_tasks([&](Index task) {
      for_chunk(
          k, task, total,
          [&](const Span& at) {
            typename Op::template Slots<F32> slots;
            for (size_t i = 0; i < Op::slots; ++i) slots[i] = load(k, states[i + 1], at);
            const F32 weight = Op::template formula<F32>(attributes, prepared, load(k, states[0], at), slots,
                                                         load(k, gradient, at), rate);
            store(k, states[0], at, weight);
            for (size_t i = 0; i < Op::slots; ++i) store(k, states[i + 1], at, slots[i]);
          },
          Unroll::by(2));
    });
  });
}

} // namespace kiln::codegen
