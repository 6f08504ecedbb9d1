// Constant: fills a tensor.
#include "ir/ops/constant.h"

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

template <> void emit<ir::Constant>(Emission& emission) {
  const auto value = static_cast<float>(emission.node().attributes<ir::Constant>().value);
  const int64_t total = emission.result_type().physical_elements();
  emission.launch("fill", {emission.result()}, {}, chunk_count(total), [=](KernelBuilder& k) {
    const Pointer to = k.operand(0);
    const F32 filled = k.f32(value);
    k.begin_tasks([&](Index task) { for_chunk(k, task, total, [&](const Span& at) { store(k, to, at, filled); }); });
  });
}

} // namespace kiln::codegen
