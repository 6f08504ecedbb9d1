// Several tensors to one, each times its weight.
#include "ir/ops/weighted_sum.h"

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

template <> void emit<ir::WeightedSum>(Emission& emission) {
  const auto weight = emission.node().attributes<ir::WeightedSum>().weight;
  const int64_t total = emission.result_type().elements();
  auto operands = std::vector{emission.operand(0)};
  for (size_t i = 1; i < weight.size(); ++i) operands.push_back(emission.operand(i));
  operands.push_back(emission.result());
  emission.launch("forward", operands, {}, chunk_count(total), [=](KernelBuilder& k) {
    k.begin_tasks([&](Index task) {
      for_chunk(k, task, total, [&](const Span& at) {
        F32 sum = k.zero();
        for (size_t i = 0; i < weight.size(); ++i)
          sum = sum + load(k, k.operand(static_cast<int32_t>(i)), at) * static_cast<float>(weight[i]);
        store(k, k.operand(static_cast<int32_t>(weight.size())), at, sum);
      });
    });
  });
}

} // namespace kiln::codegen
