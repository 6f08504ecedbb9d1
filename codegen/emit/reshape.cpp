// Reshape as a copy: only for a plan that could not let the result share its operand's bytes.
#include "ir/ops/reshape.h"

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

template <> void emit<ir::Reshape>(Emission& emission) {
  const ir::TensorType& type = emission.result_type();
  const int64_t total = type.elements();
  const ElementType element = type.dtype == ir::DType::u8    ? ElementType::u8
                              : type.dtype == ir::DType::i32 ? ElementType::i32
                                                             : ElementType::f32;
  emission.launch("copy", {emission.operand(0), emission.result()}, {}, chunk_count(total), [=](KernelBuilder& k) {
    const Pointer from = k.operand(0, element);
    const Pointer to = k.operand(1, element);
    k.begin_tasks([&](Index task) {
      const Index begin = task * kChunk;
      k.copy(to + begin, from + begin, min(begin + kChunk, total) - begin);
    });
  });
}

} // namespace kiln::codegen
