// The value of each row's label, and the gradient that goes back to it alone. A label that is no class gives NaN and is
// never an address.
#include "ir/ops/pick_class.h"

#include "codegen/emit/rows.h"

namespace kiln::codegen {

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// `value` where the label is a class, 0 where it is ignored, else NaN.
F32 for_label(KernelBuilder& k, const ir::PickClass::Attributes& attributes, Pointer labels, Index row,
              const Label& label, F32 value) {
  const F32 valid = select(label.valid, value, k.f32(kNaN, 1));
  if (!attributes.ignores) return valid;
  return select(k.load_index(labels, row) == attributes.ignored_label, k.zero(1), valid);
}

} // namespace

template <> void emit<ir::PickClass>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::PickClass>();
  const Rows shape(emission.operand_type(0));
  emission.launch("forward", {emission.operand(0), emission.operand(1), emission.result()}, {}, shape.tasks(),
                  [=](KernelBuilder& k) {
                    const Pointer labels = k.operand(1, ElementType::i32);
                    for_rows(k, shape, [&](Index row) {
                      const Label label(k, shape, labels, row);
                      const F32 picked = k.load(k.operand(0), row * shape.columns + label.index, 1);
                      k.store(k.operand(2), row, for_label(k, attributes, labels, row, label, picked));
                    });
                  });
}

template <> void emit<ir::PickClassBackward>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::PickClassBackward>();
  const Rows shape(emission.result_type());
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.result()}, {}, shape.tasks(),
                  [=](KernelBuilder& k) {
                    const Pointer labels = k.operand(0, ElementType::i32);
                    for_rows(k, shape, [&](Index row) {
                      const Label label(k, shape, labels, row);
                      const F32 one = for_label(k, attributes, labels, row, label, k.load(k.operand(1), row, 1));
                      // What the other elements get: 0, or NaN in the row of a label that is no class.
                      const F32 other = for_label(k, attributes, labels, row, label, k.zero(1));
                      const U32 target = broadcast(low_u32(label.index), k.width());
                      for_vectors(k, k.index(0), shape.columns, [&](const Span& c) {
                        const Mask is_target = class_numbers(k, c.offset) == target;
                        store(k, k.operand(2), Span{row * shape.columns + c.offset, c.mask},
                              select(is_target, broadcast(one, k.width()), broadcast(other, k.width())));
                      });
                    });
                  });
}

} // namespace kiln::codegen
