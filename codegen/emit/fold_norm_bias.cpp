// A bias that takes over what a batch norm adds: one pass over vectors of values a channel.
#include "ir/ops/fold_norm_bias.h"

#include "codegen/emit/normalize.h"

namespace kiln::codegen {

template <> void emit<ir::FoldNormBias>(Emission& emission) {
  const double epsilon = emission.node().attributes<ir::FoldNormBias>().epsilon;
  const size_t count = emission.node().operands().size();
  const bool affine = ir::FoldNormBias::affine(count);
  const bool biased = ir::FoldNormBias::biased(count);
  const int64_t channels = emission.result_type().elements();
  std::vector<BufferRef> buffers;
  for (size_t i = 0; i < count; ++i) buffers.push_back(emission.operand(i));
  buffers.push_back(emission.result());
  const auto last = static_cast<int32_t>(count);
  emission.launch("fold", buffers, {}, chunk_count(channels), [=](KernelBuilder& k) {
    k.begin_tasks([&](Index task) {
      for_chunk(k, task, channels, [&](const Span& at) {
        const auto value = [&](int32_t operand) { return load(k, k.operand(operand), at); };
        const F32 centred = biased ? value(last - 1) - value(0) : -value(0);
        F32 factor = reciprocal_deviation(value(1), epsilon);
        if (affine) factor = factor * value(2);
        store(k, k.operand(last), at, affine ? mul_add(centred, factor, value(3)) : centred * factor);
      });
    });
  });
}

} // namespace kiln::codegen
