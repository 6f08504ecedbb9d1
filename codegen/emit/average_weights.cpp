// A running mean of a parameter: one pass over both, of one layout. Padding lanes are zero and stay so.
#include "ir/ops/average_weights.h"

#include "codegen/emit/vectors.h"
#include "ir/ops/parameter_update.h"

namespace kiln::codegen {

template <> void emit<ir::AverageWeights>(Emission& emission) {
  const double decay = emission.node().attributes<ir::AverageWeights>().decay;
  const int64_t total = emission.operand_type(0).physical_elements();
  emission.launch("average", {emission.operand(0), emission.operand(1)}, {}, chunk_count(total), [=](KernelBuilder& k) {
    k.begin_tasks([&](Index task) {
      for_chunk(
          k, task, total,
          [&](const Span& at) {
            const F32 average = load(k, k.operand(0), at);
            store(k, k.operand(0), at, ir::running_mean(decay, average, load(k, k.operand(1), at)));
          },
          Unroll::by(2));
    });
  });
}

} // namespace kiln::codegen
