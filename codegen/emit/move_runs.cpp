// Copying runs of positions. A run is one stretch of memory for each position of the dims outside, but along the
// channels of blocked layouts. There a task owns one plane of the result: a run whose channels keep their lanes is
// copied plane by plane, any other is gathered from two neighbouring planes, whose lanes are shifted by loading them
// from shifted addresses under masks.
#include "codegen/emit/move_runs.h"

#include "codegen/emit/axes.h"
#include "codegen/emit/vectors.h"

namespace kiln::codegen {

namespace {

// What a blocked kernel needs of one run in the plane it writes.
class PlaneRun {
public:
  PlaneRun(KernelBuilder& k, const AxisRun& run, const Planes& src, const Planes& dst, Pointer operand, Index sample,
           Index block)
      : k_(k), lanes_(static_cast<int32_t>(dst.lanes)), plane_(src.elements()) {
    // Lane l of block b is channel b lanes + l of the result, so lane l + shift of the operand's block b + blocks.
    const int64_t distance = run.from - run.to;
    shift_ = (distance % lanes_ + lanes_) % lanes_;
    const int64_t blocks = (distance - shift_) / lanes_;
    source_ = operand + (sample * src.blocks + block + blocks) * plane_; // points outside where no lane is loaded
    const Index first = k.index(run.to) - block * lanes_;
    const Index last = first + run.count;
    present_ = (first < lanes_) & (last > 0);
    whole_ = (first <= 0) & (last >= lanes_);
    const Mask inside = k.first_lanes(last, lanes_) & !k.first_lanes(first, lanes_);
    const Mask low = k.first_lanes(lanes_ - shift_, lanes_);
    low_ = inside & low;
    high_ = inside & !low;
  }

  bool keeps_lanes() const { return shift_ == 0; }
  Condition present() const { return present_; } // some lane of the plane is of this run
  Condition whole() const { return whole_; }     // all lanes are
  Pointer source() const { return source_; }

  // `others` with this run's lanes of the pixel at an offset.
  F32 gather(Index pixel, F32 others) const {
    F32 value = select(low_, k_.load(source_, pixel + shift_, low_), others);
    if (keeps_lanes()) return value;
    return select(high_, k_.load(source_, pixel + (plane_ + shift_ - lanes_), high_), value);
  }

private:
  KernelBuilder& k_;
  int32_t lanes_;
  int64_t plane_, shift_;
  Pointer source_;
  Condition present_, whole_;
  Mask low_, high_;
};

void gather_plane(KernelBuilder& k, const Planes& dst, const std::vector<PlaneRun>& runs, Pointer target) {
  const auto lanes = static_cast<int32_t>(dst.lanes);
  k.for_range(0, dst.elements(), dst.lanes, [&](Index pixel) {
    const Variable<F32> value(k.zero(lanes)); // lanes of no run are padding
    for (const PlaneRun& run : runs) k.if_(run.present(), [&] { value.set(run.gather(pixel, value.get())); });
    k.store(target, pixel, value.get());
  });
}

// Copies the plane from the first of the runs [i, end) that fills it and keeps its lanes; gathers it if there is none.
void write_plane(KernelBuilder& k, const Planes& dst, const std::vector<PlaneRun>& runs, size_t i, Pointer target) {
  while (i < runs.size() && !runs[i].keeps_lanes()) ++i;
  if (i == runs.size()) return gather_plane(k, dst, runs, target);
  k.if_else(
      runs[i].whole(), [&] { k.copy(target, runs[i].source(), k.index(dst.elements())); },
      [&] { write_plane(k, dst, runs, i + 1, target); });
}

void emit_blocked(Emission& emission, const std::vector<AxisRun>& runs, const Planes& dst) {
  std::vector<BufferRef> buffers;
  std::vector<Planes> src;
  for (size_t i = 0; i < runs.size(); ++i) {
    buffers.push_back(emission.operand(i));
    src.emplace_back(emission.operand_type(i));
  }
  buffers.push_back(emission.result());
  emission.launch("planes", buffers, {}, dst.count(), [=](KernelBuilder& k) {
    std::vector<Pointer> operands;
    for (size_t i = 0; i <= runs.size(); ++i) operands.push_back(k.operand(static_cast<int32_t>(i)));
    k.begin_tasks([&](Index plane) {
      std::vector<PlaneRun> here;
      for (size_t i = 0; i < runs.size(); ++i)
        here.emplace_back(k, runs[i], src[i], dst, operands[i], plane / dst.blocks, plane % dst.blocks);
      write_plane(k, dst, here, 0, operands.back() + plane * dst.elements());
    });
  });
}

void emit_plain(Emission& emission, size_t operand, int64_t axis, const AxisRun& run) {
  const MemoryView src(emission.operand_type(operand), axis), dst(emission.result_type(), axis);
  const int64_t elements = run.count * dst.inner;
  const int64_t stretches = std::max<int64_t>(kChunk / elements, 1); // of one task
  const std::vector<BufferRef> buffers = {emission.operand(operand), emission.result()};
  emission.launch("run" + std::to_string(operand), buffers, {}, divide_up(dst.outer, stretches), [=](KernelBuilder& k) {
    const Pointer from = k.operand(0) + run.from * dst.inner;
    const Pointer to = k.operand(1) + run.to * dst.inner;
    k.begin_tasks([&](Index task) {
      k.for_range(task * stretches, min(task * stretches + stretches, dst.outer), 1, [&](Index o) {
        k.copy(to + o * (dst.size * dst.inner), from + o * (src.size * src.inner), k.index(elements));
      });
    });
  });
}

} // namespace

MemoryView::MemoryView(const ir::TensorType& type, int64_t axis) {
  for (const PhysicalAxis& own : physical_axes(type)) {
    const auto dim = static_cast<int64_t>(own.dim);
    (own.lane || dim > axis ? inner : dim == axis ? size : outer) *= own.extent;
  }
}

void emit_move_runs(Emission& emission, int64_t axis, const std::vector<AxisRun>& runs) {
  const ir::TensorType& dst = emission.result_type();
  if (dst.layout.kind == ir::LayoutKind::nchwc && axis == 1) return emit_blocked(emission, runs, Planes(dst));
  for (size_t i = 0; i < runs.size(); ++i) emit_plain(emission, i, axis, runs[i]);
}

} // namespace kiln::codegen
