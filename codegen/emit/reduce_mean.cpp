// The mean of all elements, and its gradient. One task adds all of them: what it serves is a batch's losses.
#include "ir/ops/reduce_mean.h"

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

template <> void emit<ir::ReduceMean>(Emission& emission) {
  const int64_t total = emission.operand_type(0).elements();
  emission.launch("forward", {emission.operand(0), emission.result()}, {}, 1, [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer dst = k.operand(1);
    k.begin_tasks([&](Index) {
      const Variable<F32> sum(k.zero());
      for_vectors(k, k.index(0), total, [&](const Span& at) { sum.set(sum.get() + load(k, src, at)); });
      k.store(dst, 0, sum_lanes(sum.get()) / static_cast<float>(total));
    });
  });
}

template <> void emit<ir::ReduceMeanBackward>(Emission& emission) {
  const int64_t total = emission.result_type().elements();
  emission.launch("backward", {emission.operand(0), emission.result()}, {}, chunk_count(total), [=](KernelBuilder& k) {
    const Pointer gradient = k.operand(0);
    const Pointer dst = k.operand(1);
    k.begin_tasks([&](Index task) {
      const F32 share = broadcast(k.load(gradient, 0, 1) / static_cast<float>(total), k.width());
      for_chunk(k, task, total, [&](const Span& at) { store(k, dst, at, share); });
    });
  });
}

} // namespace kiln::codegen
