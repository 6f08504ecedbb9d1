// Weights scaled per input channel; a task owns one row.
#include "ir/ops/fold_scale.h"

#include "codegen/emit/channel_runs.h"

namespace kiln::codegen {

template <> void emit<ir::FoldScale>(Emission& emission) {
  const std::vector<double> scale = emission.node().attributes<ir::FoldScale>().scale;
  const ir::InputChannels inputs(emission.operand_type(0).dims, scale.size());
  emission.launch("fold", {emission.operand(0), emission.result()}, {}, inputs.rows, [=](KernelBuilder& k) {
    const Pointer weights = k.operand(0);
    const Pointer dst = k.operand(1);
    k.begin_tasks([&](Index row) {
      for_channel_runs(k, inputs, scale, [&](const Span& i, F32 value) {
        const Span at{row * inputs.inputs + i.offset, i.mask};
        store(k, dst, at, load(k, weights, at) * value);
      });
    });
  });
}

} // namespace kiln::codegen
