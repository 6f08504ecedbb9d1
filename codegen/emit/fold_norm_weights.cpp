// Weights that take over a batch norm's factor per output channel; a task owns one row.
#include "ir/ops/fold_norm_weights.h"

#include "codegen/emit/normalize.h"

namespace kiln::codegen {

template <> void emit<ir::FoldNormWeights>(Emission& emission) {
  const double epsilon = emission.node().attributes<ir::FoldNormWeights>().epsilon;
  const bool scaled = emission.node().operands().size() == 3;
  const int64_t rows = emission.operand_type(0).dims[0];
  const int64_t row_elements = emission.operand_type(0).elements() / rows;
  std::vector<BufferRef> buffers = {emission.operand(0), emission.operand(1), emission.result()};
  if (scaled) buffers.push_back(emission.operand(2));
  emission.launch("fold", buffers, {}, rows, [=](KernelBuilder& k) {
    k.begin_tasks([&](Index row) {
      F32 factor = reciprocal_deviation(k.load_broadcast(k.operand(1), row), epsilon);
      if (scaled) factor = factor * k.load_broadcast(k.operand(3), row);
      for_vectors(k, row * row_elements, row_elements,
                  [&](const Span& at) { store(k, k.operand(2), at, load(k, k.operand(0), at) * factor); });
    });
  });
}

} // namespace kiln::codegen
