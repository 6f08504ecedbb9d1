// Scale and its gradient, which is summed as a bias's is.
#include "ir/ops/scale.h"

#include "codegen/emit/launch_channel_sums.h"
#include "codegen/emit/normalize.h"

namespace kiln::codegen {

template <> void emit<ir::Scale>(Emission& emission) {
  const Planes planes(emission.operand_type(0));
  emission.launch("forward", {emission.operand(0), emission.operand(1), emission.result()}, {},
                  activation_tasks(planes), [=](KernelBuilder& k) {
                    const Pointer src = k.operand(0);
                    const Pointer factor = k.operand(1);
                    const Pointer dst = k.operand(2);
                    for_activation(
                        k, planes, [&](const auto& value) { return value(factor); },
                        [&](const Span& at, F32 c) { store(k, dst, at, load(k, src, at) * c); });
                  });
}

template <> void emit<ir::ScaleBackwardFactor>(Emission& emission) {
  launch_channel_sums(emission, {emission.operand(0), emission.operand(1)},
                      [](KernelBuilder& k, const std::vector<Pointer>& tensors, const Span& at) {
                        return load(k, tensors[0], at) * load(k, tensors[1], at);
                      });
}

} // namespace kiln::codegen
