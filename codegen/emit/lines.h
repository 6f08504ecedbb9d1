// Kernels over all lines of a tensor along one axis, each of which is worked on alone (softmax). Vectors run along the
// line where its elements are neighbours in memory; else they hold neighbouring lines; in blocked layouts, along the
// channels, they are the blocks of one pixel.
#pragma once

#include "codegen/emit/vectors.h"
#include "ir/ops/axis.h"
#include "runtime/vector_math.h"

#include <functional>
#include <limits>
#include <optional>

namespace kiln::codegen {

class Lines {
public:
  // nchwc tensors along dim 1 alone.
  Lines(const ir::TensorType& type, int64_t axis, int64_t width)
      : view_(type.dims, axis), blocked_(type.layout.kind == ir::LayoutKind::nchwc), along_(view_.inner == 1) {
    pieces_ = blocked_ ? view_.inner : along_ ? 1 : divide_up(view_.inner, width);
    blocks_ = blocked_ ? divide_up(view_.size, type.layout.block) : 0;
    per_task_ = std::max<int64_t>(kChunk / 16 / (view_.size * (along_ || blocked_ ? 1 : width)), 1);
  }
  int64_t tasks() const { return divide_up(view_.outer * pieces_, per_task_); }

  // What a kernel works on at one time: a line, or a vector of them.
  class Line {
  public:
    // visit(span, present): each vector of elements; `present`: lanes that are elements (none: all).
    void for_each(const std::function<void(const Span&, const std::optional<Mask>&)>& visit) const;
    // Of a vector that went over the line: the result over all of it, in every lane of its line.
    F32 sum(F32 lanes) const { return one_ ? broadcast(sum_lanes(lanes), k_->width()) : lanes; }
    F32 largest(F32 lanes) const { return one_ ? broadcast(max_lanes(lanes), k_->width()) : lanes; }

  private:
    friend class Lines;
    KernelBuilder* k_ = nullptr;
    const Lines* lines_ = nullptr;
    Index base_{};
    std::optional<Mask> mask_; // of the lines in a vector
    bool one_ = false;
  };

  // Begins the tasks.
  void for_each(KernelBuilder& k, const std::function<void(const Line&)>& body) const;

private:
  ir::AxisView view_;
  bool blocked_, along_;
  int64_t pieces_; // of what is inside the axis
  int64_t blocks_;
  int64_t per_task_;
};

inline F32 fill(KernelBuilder&, const std::optional<Mask>& present, F32 value, double elsewhere) {
  return present ? select(*present, value, like(value, elsewhere)) : value;
}

// The largest element of a line. A NaN may or may not be it; what is computed from it meets the NaN again.
F32 largest_of_line(KernelBuilder& k, const Lines::Line& line, Pointer tensor);

} // namespace kiln::codegen
