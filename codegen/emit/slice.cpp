// Slice: neighbouring positions are one run of the operand's; in steps each position is copied by itself, and where
// positions are single elements, vectors are gathered. The gradient of a stepped slice puts them back between zeros.
#include "ir/ops/slice.h"

#include "codegen/emit/move_runs.h"
#include "codegen/emit/rows_of.h"

namespace kiln::codegen {

template <> void emit<ir::Slice>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::Slice>();
  const int64_t axis = attributes.axis;
  if (attributes.step == 1) return emit_move_runs(emission, axis, {{attributes.begin, 0, attributes.count}});
  const MemoryView src(emission.operand_type(0), axis), dst(emission.result_type(), axis);
  const RowPositions rows({dst.outer}, dst.size * dst.inner);
  emission.launch("stepped", {emission.operand(0), emission.result()}, {}, rows.tasks(), [=](KernelBuilder& k) {
    const int64_t by = attributes.step;
    rows.for_each(k, [&](const std::vector<Index>& at) {
      const Pointer from = k.operand(0) + (at[0] * (src.size * src.inner) + attributes.begin * src.inner);
      const Pointer to = k.operand(1) + at[0] * (dst.size * dst.inner);
      if (dst.inner != 1) {
        k.for_range(0, dst.size, 1,
                    [&](Index i) { k.copy(to + i * dst.inner, from + i * (by * src.inner), k.index(dst.inner)); });
        return;
      }
      for_vectors(k, k.index(0), dst.size, [&](const Span& i) {
        const Index offset = i.offset * by;
        store(k, to, i,
              i.mask ? k.load_strided(from, offset, k.index(by), *i.mask) : k.load_strided(from, offset, k.index(by)));
      });
    });
  });
}

template <> void emit<ir::SliceBackward>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::SliceBackward>();
  const MemoryView src(emission.operand_type(0), attributes.axis), dst(emission.result_type(), attributes.axis);
  const RowPositions rows({dst.outer}, dst.size * dst.inner);
  emission.launch("stepped", {emission.operand(0), emission.result()}, {}, rows.tasks(), [=](KernelBuilder& k) {
    const int64_t step = attributes.step;
    rows.for_each(k, [&](const std::vector<Index>& at) {
      const Pointer from = k.operand(0) + at[0] * (src.size * src.inner);
      const Pointer stretch = k.operand(1) + at[0] * (dst.size * dst.inner);
      k.fill_zero(stretch, k.index(dst.size * dst.inner));
      const Pointer to = stretch + attributes.begin * dst.inner;
      if (src.inner != 1) {
        k.for_range(0, src.size, 1,
                    [&](Index i) { k.copy(to + i * (step * dst.inner), from + i * src.inner, k.index(src.inner)); });
        return;
      }
      for_vectors(k, k.index(0), src.size, [&](const Span& i) {
        const Index offset = i.offset * step;
        const F32 value = load(k, from, i);
        if (i.mask)
          k.store_strided(to, offset, k.index(step), value, *i.mask);
        else
          k.store_strided(to, offset, k.index(step), value);
      });
    });
  });
}

} // namespace kiln::codegen
