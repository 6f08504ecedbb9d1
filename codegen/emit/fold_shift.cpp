// A bias that takes over a shift per input channel; a task owns one row's sum.
#include "ir/ops/fold_shift.h"

#include "codegen/emit/channel_runs.h"

namespace kiln::codegen {

template <> void emit<ir::FoldShift>(Emission& emission) {
  const std::vector<double> shift = emission.node().attributes<ir::FoldShift>().shift;
  const ir::InputChannels inputs(emission.operand_type(0).dims, shift.size());
  const bool biased = emission.node().operands().size() == 2;
  std::vector<BufferRef> buffers = {emission.operand(0)};
  if (biased) buffers.push_back(emission.operand(1));
  buffers.push_back(emission.result());
  emission.launch("fold", buffers, {}, inputs.rows, [=](KernelBuilder& k) {
    const Pointer weights = k.operand(0);
    const Pointer dst = k.operand(biased ? 2 : 1);
    k.begin_tasks([&](Index row) {
      const Variable<F32> sum(k.zero());
      for_channel_runs(k, inputs, shift, [&](const Span& i, F32 value) {
        sum.set(mul_add(load(k, weights, Span{row * inputs.inputs + i.offset, i.mask}), value, sum.get()));
      });
      const F32 total = sum_lanes(sum.get());
      k.store(dst, row, biased ? total + k.load(k.operand(1), row, 1) : total);
    });
  });
}

} // namespace kiln::codegen
