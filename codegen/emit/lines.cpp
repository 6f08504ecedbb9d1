// Lines of a tensor along one axis: where they lie, and the vectors that cover them.
#include "codegen/emit/lines.h"

namespace kiln::codegen {

void Lines::Line::for_each(const std::function<void(const Span&, const std::optional<Mask>&)>& visit) const {
  KernelBuilder& k = *k_;
  const ir::AxisView& view = lines_->view_;
  if (lines_->blocked_) {
    const int64_t lanes = k.width(), plane = view.inner * lanes;
    const int64_t whole = view.size / lanes;
    k.for_range(0, whole, 1, [&](Index block) { visit(Span{base_ + block * plane, {}}, {}); });
    if (whole < lines_->blocks_) visit(Span{base_ + whole * plane, {}}, k.first_lanes(view.size - whole * lanes));
  } else if (lines_->along_) {
    for_vectors(k, base_, view.size, [&](const Span& at) { visit(at, at.mask); });
  } else {
    k.for_range(0, view.size, 1, [&](Index i) { visit(Span{base_ + i * view.inner, mask_}, {}); });
  }
}

void Lines::for_each(KernelBuilder& k, const std::function<void(const Line&)>& body) const {
  const int64_t total = view_.outer * pieces_;
  k.begin_tasks([&](Index task) {
    k.for_range(task * per_task_, min(task * per_task_ + per_task_, total), 1, [&](Index unit) {
      Line line;
      line.k_ = &k;
      line.lines_ = this;
      line.one_ = blocked_ || along_;
      const Index outer = unit / pieces_, piece = unit % pieces_;
      if (blocked_) {
        line.base_ = (outer * (blocks_ * view_.inner) + piece) * k.width();
        return body(line);
      }
      const int64_t width = along_ ? 1 : k.width();
      line.base_ = outer * (view_.size * view_.inner) + piece * width;
      const int64_t rest = view_.inner % width; // lines in a last vector that is not full
      if (rest == 0) return body(line);
      Line partial = line;
      partial.mask_ = k.first_lanes(rest);
      if (pieces_ == 1) return body(partial);
      k.if_else(
          piece == pieces_ - 1, [&] { body(partial); }, [&] { body(line); });
    });
  });
}

F32 largest_of_line(KernelBuilder& k, const Lines::Line& line, Pointer tensor) {
  constexpr double least = -std::numeric_limits<double>::infinity();
  const Variable<F32> largest(k.f32(static_cast<float>(least)));
  line.for_each([&](const Span& at, const std::optional<Mask>& present) {
    largest.set(max(fill(k, present, load(k, tensor, at), least), largest.get()));
  });
  return line.largest(largest.get());
}

} // namespace kiln::codegen
