// What each sample's labels weigh together. A label that is no class meets no weight.
#include "ir/ops/label_weight.h"

#include "codegen/emit/positions.h"

namespace kiln::codegen {

template <> void emit<ir::LabelWeight>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::LabelWeight>();
  const bool weighted = emission.node().operands().size() > 1;
  ir::TensorType logits = emission.operand_type(0);
  logits.dims.insert(logits.dims.begin() + 1, weighted ? emission.operand_type(1).dims[0] : 1);
  const Positions shape(logits);
  auto operands = std::vector{emission.operand(0)};
  if (weighted) operands.push_back(emission.operand(1));
  operands.push_back(emission.result());
  emission.launch("forward", operands, {}, shape.samples, [=](KernelBuilder& k) {
    const Pointer labels = k.operand(0);
    const Pointer class_weight = weighted ? k.operand(1) : labels;
    store_position_sums(k, shape, k.operand(weighted ? 2 : 1), [&](Index sample, const Span& at) {
      const U32 label = load_labels(k, labels, shape, sample, at);
      F32 weight = k.f32(1);
      if (weighted) {
        const Variable<F32> found(k.zero());
        k.for_range(0, shape.classes, 1, [&](Index c) {
          found.set(select(class_number(k, c) == label, k.load_broadcast(class_weight, c), found.get()));
        });
        weight = found.get();
      }
      if (!attributes.ignored.exists) return weight;
      return select(label == like(label, static_cast<uint32_t>(attributes.ignored.label)), k.zero(), weight);
    });
  });
}

} // namespace kiln::codegen
