// Tensors walked together, coordinate by coordinate: the physical axes of one tensor, with a stride for each tensor
// that takes part, merged into as few loops as its strides allow, the innermost in vectors.
#pragma once

#include "codegen/emit/vectors.h"

#include <cstdint>
#include <vector>

namespace kiln::codegen {

// A coordinate of a tensor in memory: a dim, or, in a blocked layout, the number of a channel's block or its lane.
struct PhysicalAxis {
  size_t dim;
  bool lane;
  int64_t extent;
  int64_t stride;
};

// Of a plain or nchwc tensor, outermost first.
std::vector<PhysicalAxis> physical_axes(const ir::TensorType& type);

struct Axis {
  int64_t extent;
  std::vector<int64_t> strides; // in elements, one a tensor
  bool apart = false;           // not to be merged: its position is asked for
};

// Drops axes of one position and makes neighbours that are one run for every tensor one axis. At least one is left.
std::vector<Axis> merged(std::vector<Axis> axes);

// A walk over all positions of some axes, outermost first, cut into tasks of about kChunk elements.
class Walk {
public:
  explicit Walk(std::vector<Axis> axes);

  int64_t tasks() const;
  const std::vector<Axis>& axes() const { return axes_; }

  // The strides along a row: 1, or 0 where a tensor has one element for all of it.
  int64_t row_stride(size_t tensor) const { return axes_.back().strides[tensor]; }

  // Where a row starts.
  struct Row {
    std::vector<Index> positions; // of each axis but the last
    std::vector<Index> offsets;   // of each tensor's first element
  };

  // Begins the tasks; body(row, span) for every vector of every row. The span counts elements of the row.
  void for_each(KernelBuilder& k, const std::function<void(const Row&, const Span&)>& body) const;

private:
  void nest(KernelBuilder& k, size_t level, const Row& row, const std::function<void(const Row&)>& body) const;
  static Row stepped(const Row& row, const Axis& axis, Index position);

  std::vector<Axis> axes_;
  bool cuts_rows_ = false; // a task is a piece of a row
  int64_t row_pieces_ = 1; // of such a row
  size_t task_axes_ = 0;   // leading axes whose positions a task gives
  int64_t grouped_ = 1;    // positions of the last of them that one task takes
};

} // namespace kiln::codegen
