// Tensors walked together: axes, their merging, and the loops over them.
#include "codegen/emit/axes.h"

namespace kiln::codegen {

std::vector<PhysicalAxis> physical_axes(const ir::TensorType& type) {
  const bool blocked = type.layout.kind == ir::LayoutKind::nchwc;
  if (!blocked && type.layout.kind != ir::LayoutKind::plain)
    throw CodegenError("no walk over a tensor of layout " + to_string(type.layout));
  std::vector<PhysicalAxis> axes;
  for (size_t d = 0; d < type.dims.size(); ++d) {
    const int64_t extent = blocked && d == 1 ? divide_up(type.dims[d], type.layout.block) : type.dims[d];
    axes.push_back({d, false, extent, 1});
  }
  if (blocked) axes.push_back({1, true, type.layout.block, 1});
  int64_t stride = 1;
  for (size_t i = axes.size(); i-- > 0; stride *= axes[i].extent) axes[i].stride = stride;
  return axes;
}

std::vector<Axis> merged(std::vector<Axis> axes) {
  std::erase_if(axes, [](const Axis& axis) { return axis.extent == 1 && !axis.apart; });
  for (size_t i = axes.size(); i-- > 1;) {
    Axis& outer = axes[i - 1];
    const Axis& inner = axes[i];
    bool one_run = !outer.apart && !inner.apart;
    for (size_t t = 0; t < outer.strides.size(); ++t)
      one_run = one_run && outer.strides[t] == inner.strides[t] * inner.extent;
    if (!one_run) continue;
    outer = {outer.extent * inner.extent, inner.strides, false};
    axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return axes;
}

namespace {

// The strides of a lone element: what is loaded or stored there is found at 0.
Axis single(size_t tensors) { return {1, std::vector<int64_t>(tensors, 1), false}; }

} // namespace

Walk::Walk(std::vector<Axis> axes) {
  const size_t tensors = axes.empty() ? 0 : axes.front().strides.size();
  axes_ = merged(std::move(axes));
  if (axes_.empty() || axes_.back().apart) axes_.push_back(single(tensors));
  const int64_t row = axes_.back().extent;
  cuts_rows_ = row > kChunk;
  if (cuts_rows_) {
    row_pieces_ = divide_up(row, kChunk);
    task_axes_ = axes_.size() - 1;
    return;
  }
  int64_t inside = row; // elements behind the axes that a task gives
  size_t level = axes_.size() - 1;
  while (level > 0 && inside * axes_[level - 1].extent <= kChunk) inside *= axes_[--level].extent;
  task_axes_ = level;
  if (level > 0) grouped_ = std::max<int64_t>(kChunk / inside, 1);
}

int64_t Walk::tasks() const {
  int64_t tasks = row_pieces_;
  for (size_t level = 0; level < task_axes_; ++level)
    tasks *= level + 1 == task_axes_ ? divide_up(axes_[level].extent, grouped_) : axes_[level].extent;
  return tasks;
}

Walk::Row Walk::stepped(const Row& row, const Axis& axis, Index position) {
  Row next = row;
  next.positions.push_back(position);
  for (size_t t = 0; t < axis.strides.size(); ++t)
    if (axis.strides[t] != 0) next.offsets[t] = next.offsets[t] + position * axis.strides[t];
  return next;
}

void Walk::nest(KernelBuilder& k, size_t level, const Row& row, const std::function<void(const Row&)>& body) const {
  if (level + 1 == axes_.size()) return body(row);
  k.for_range(0, axes_[level].extent, 1, [&](Index i) { nest(k, level + 1, stepped(row, axes_[level], i), body); });
}

void Walk::for_each(KernelBuilder& k, const std::function<void(const Row&, const Span&)>& body) const {
  k.begin_tasks([&](Index task) {
    const int64_t length = axes_.back().extent;
    Row row{{}, std::vector<Index>(axes_.back().strides.size(), k.index(0))};
    // The task's position of each axis that it gives, innermost first.
    Index rest = task;
    const Index piece = rest % row_pieces_;
    if (row_pieces_ > 1) rest = rest / row_pieces_;
    std::vector<Index> positions(task_axes_, k.index(0));
    for (size_t level = task_axes_; level-- > 0;) {
      const int64_t extent = level + 1 == task_axes_ ? divide_up(axes_[level].extent, grouped_) : axes_[level].extent;
      positions[level] = level == 0 ? rest : rest % extent;
      rest = rest / extent;
    }
    if (cuts_rows_) {
      for (size_t level = 0; level < task_axes_; ++level) row = stepped(row, axes_[level], positions[level]);
      for_chunk(k, piece, length, [&](const Span& at) { body(row, at); });
      return;
    }
    const auto rows = [&](const Row& first, size_t level) {
      nest(k, level, first,
           [&](const Row& r) { for_vectors(k, k.index(0), length, [&](const Span& at) { body(r, at); }); });
    };
    if (task_axes_ == 0) return rows(row, 0);
    for (size_t level = 0; level + 1 < task_axes_; ++level) row = stepped(row, axes_[level], positions[level]);
    const Axis& last = axes_[task_axes_ - 1];
    if (grouped_ == 1) return rows(stepped(row, last, positions.back()), task_axes_);
    const Index first = positions.back() * grouped_;
    k.for_range(first, min(first + grouped_, last.extent), 1,
                [&](Index i) { rows(stepped(row, last, i), task_axes_); });
  });
}

} // namespace kiln::codegen
