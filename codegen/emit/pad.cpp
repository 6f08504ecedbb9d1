// Padding and its gradient. Padding writes row after row of the result: a run of the source between what stands before
// and after it. The gradient of a reflected or repeated border copies what stayed in place and adds the border to it.
#include "ir/ops/pad.h"

#include "codegen/emit/axes.h"
#include "codegen/emit/rows_of.h"

namespace kiln::codegen {

namespace {

// An axis of the result: of `extent` positions, of which those from `before` on are the source's `size`.
struct PaddedAxis {
  int64_t extent, size, before;
  int64_t from, to; // strides in source and result

  bool pads() const { return before != 0 || extent != size; }
};

std::vector<PaddedAxis> padded_axes(const ir::TensorType& src, const ir::TensorType& dst, const ir::Dims& before,
                                    ir::PadMode mode) {
  const std::vector<PhysicalAxis> from = physical_axes(src), to = physical_axes(dst);
  std::vector<PaddedAxis> axes;
  for (size_t i = 0; i < to.size(); ++i)
    axes.push_back({to[i].extent, from[i].extent, to[i].lane ? 0 : before[to[i].dim], from[i].stride, to[i].stride});
  // A whole axis joins the one around it: both whole, or the padding a multiple of it and nothing but a value.
  for (size_t i = axes.size(); i-- > 1;) {
    PaddedAxis& outer = axes[i - 1];
    const PaddedAxis& inner = axes[i];
    if (inner.pads() || (outer.pads() && mode != ir::PadMode::constant)) continue;
    outer = {outer.extent * inner.extent, outer.size * inner.extent, outer.before * inner.extent, inner.from, inner.to};
    axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return axes;
}

Index source_of(const PaddedAxis& axis, Index position, ir::PadMode mode) {
  const Index j = position - axis.before;
  if (!axis.pads() || mode == ir::PadMode::constant) return j;
  if (mode == ir::PadMode::edge) return max(min(j, axis.size - 1), 0);
  const Index mirrored = max(j, 0 - j); // at the first element, then at the last
  return min(mirrored, 2 * (axis.size - 1) - mirrored);
}

void fill(KernelBuilder& k, Pointer to, int64_t count, double value) {
  if (count <= 0) return;
  if (value == 0) return k.fill_zero(to, k.index(count));
  const F32 values = k.f32(static_cast<float>(value));
  for_vectors(k, k.index(0), count, [&](const Span& at) { store(k, to, at, values); });
}

} // namespace

template <> void emit<ir::Pad>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::Pad>();
  const ir::PadMode mode = attributes.mode;
  const std::vector<PaddedAxis> axes =
      padded_axes(emission.operand_type(0), emission.result_type(), attributes.before, mode);
  const PaddedAxis row = axes.back();
  std::vector<int64_t> extents;
  for (size_t i = 0; i + 1 < axes.size(); ++i) extents.push_back(axes[i].extent);
  const RowPositions rows(extents, row.extent);
  emission.launch("rows", {emission.operand(0), emission.result()}, {}, rows.tasks(), [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer dst = k.operand(1);
    const int64_t first = std::clamp<int64_t>(row.before, 0, row.extent);               // of the run
    const int64_t last = std::clamp<int64_t>(row.before + row.size, first, row.extent); // behind it
    rows.for_each(k, [&](const std::vector<Index>& positions) {
      Index from = k.index(0), to = k.index(0);
      Condition inside = k.condition(true);
      bool may_miss = false;
      for (size_t i = 0; i < positions.size(); ++i) {
        const Index j = source_of(axes[i], positions[i], mode);
        from = from + j * axes[i].from;
        to = to + positions[i] * axes[i].to;
        if (!axes[i].pads() || mode != ir::PadMode::constant) continue;
        inside = inside & (j >= 0) & (j < axes[i].size);
        may_miss = true;
      }
      const Pointer target = dst + to;
      const auto copy_row = [&] {
        if (last > first) k.copy(target + first, src + (from + (first - row.before)), k.index(last - first));
        if (mode == ir::PadMode::constant) {
          fill(k, target, first, attributes.value);
          fill(k, target + last, row.extent - last, attributes.value);
          return;
        }
        const auto border = [&](Index i) { k.copy(target + i, src + (from + source_of(row, i, mode)), k.index(1)); };
        if (first > 0) k.for_range(0, first, 1, border);
        if (last < row.extent) k.for_range(last, row.extent, 1, border);
      };
      if (may_miss)
        k.if_else(inside, copy_row, [&] { fill(k, target, row.extent, attributes.value); });
      else
        copy_row();
    });
  });
}

template <> void emit<ir::PadBackward>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::PadBackward>();
  const ir::TensorType &dy_type = emission.operand_type(0), &dsrc_type = emission.result_type();
  int64_t outer = 1, inner = 1; // elements of memory around the axis and inside of it
  for (const PhysicalAxis& axis : physical_axes(dsrc_type)) {
    const auto dim = static_cast<int64_t>(axis.dim);
    if (axis.lane || dim > attributes.axis)
      inner *= axis.extent;
    else if (dim < attributes.axis)
      outer *= axis.extent;
  }
  const auto at = static_cast<size_t>(attributes.axis);
  const PaddedAxis axis = {dy_type.dims[at], dsrc_type.dims[at], attributes.before, inner, inner};
  const RowPositions rows({outer}, axis.extent * inner);
  emission.launch("rows", {emission.operand(0), emission.result()}, {}, rows.tasks(), [=](KernelBuilder& k) {
    const Pointer dy = k.operand(0);
    const Pointer dsrc = k.operand(1);
    rows.for_each(k, [&](const std::vector<Index>& positions) {
      const Pointer from = dy + positions[0] * (axis.extent * inner);
      const Pointer to = dsrc + positions[0] * (axis.size * inner);
      const int64_t first = std::clamp<int64_t>(axis.before, 0, axis.extent); // of dy, that stayed in place
      const int64_t last = std::clamp<int64_t>(axis.before + axis.size, first, axis.extent);
      const int64_t kept = std::min(first - axis.before, axis.size); // where that lies in dsrc
      if (kept > 0) k.fill_zero(to, k.index(kept * inner));
      k.copy(to + kept * inner, from + first * inner, k.index((last - first) * inner));
      const int64_t end = kept + last - first;
      if (end < axis.size) k.fill_zero(to + end * inner, k.index((axis.size - end) * inner));
      const auto add = [&](Index i) {
        const Index base = source_of(axis, i, attributes.mode) * inner;
        for_vectors(k, k.index(0), inner, [&](const Span& in) {
          const Span target{base + in.offset, in.mask};
          store(k, to, target, load(k, to, target) + load(k, from, Span{i * inner + in.offset, in.mask}));
        });
      };
      if (first > 0) k.for_range(0, first, 1, add);
      if (last < axis.extent) k.for_range(last, axis.extent, 1, add);
    });
  });
}

} // namespace kiln::codegen
