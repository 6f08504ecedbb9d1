// A batch's loss from its samples' losses and weights, and its gradient. One task: what they serve is a value a sample.
#include "ir/ops/weighted_mean.h"

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

namespace {

F32 sum_of(KernelBuilder& k, Pointer values, int64_t count) {
  const Variable<F32> sum(k.zero());
  for_vectors(k, k.index(0), count, [&](const Span& at) { sum.set(sum.get() + load(k, values, at)); });
  return sum_lanes(sum.get());
}

// 0 where nothing weighs anything.
F32 share_of(KernelBuilder& k, F32 sum, F32 weight) { return select(weight == 0.0f, k.zero(1), sum / weight); }

} // namespace

template <> void emit<ir::WeightedMean>(Emission& emission) {
  const int64_t samples = emission.operand_type(0).elements();
  emission.launch("forward", {emission.operand(0), emission.operand(1), emission.result()}, {}, 1,
                  [=](KernelBuilder& k) {
                    k.begin_tasks([&](Index) {
                      const F32 sum = sum_of(k, k.operand(0), samples);
                      const F32 weight = sum_of(k, k.operand(1), samples);
                      k.store(k.operand(2), 0, share_of(k, sum, weight));
                    });
                  });
}

template <> void emit<ir::WeightedMeanBackward>(Emission& emission) {
  const int64_t samples = emission.operand_type(0).elements();
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.result()}, {}, 1,
                  [=](KernelBuilder& k) {
                    k.begin_tasks([&](Index) {
                      const F32 weight = sum_of(k, k.operand(0), samples);
                      const F32 share = broadcast(share_of(k, k.load(k.operand(1), 0, 1), weight), k.width());
                      for_vectors(k, k.index(0), samples, [&](const Span& at) { store(k, k.operand(2), at, share); });
                    });
                  });
}

} // namespace kiln::codegen
