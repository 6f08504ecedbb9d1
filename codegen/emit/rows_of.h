// Kernels that work row by row where the rows' places are given by positions of outer axes: a task takes some rows.
#pragma once

#include "codegen/emit/vectors.h"

#include <functional>
#include <vector>

namespace kiln::codegen {

// All combinations of positions of some axes, outermost first; with each goes a row of about `elements` elements.
class RowPositions {
public:
  RowPositions(std::vector<int64_t> extents, int64_t elements)
      : extents_(std::move(extents)), per_task_(std::max<int64_t>(kChunk / std::max<int64_t>(elements, 1), 1)) {
    for (int64_t extent : extents_) rows_ *= extent;
  }
  int64_t tasks() const { return divide_up(rows_, per_task_); }

  // Begins the tasks.
  void for_each(KernelBuilder& k, const std::function<void(const std::vector<Index>&)>& body) const {
    k.begin_tasks([&](Index task) {
      k.for_range(task * per_task_, min(task * per_task_ + per_task_, rows_), 1, [&](Index row) {
        std::vector<Index> positions(extents_.size(), k.index(0));
        for (size_t i = extents_.size(); i-- > 0; row = row / extents_[i])
          positions[i] = i == 0 ? row : row % extents_[i];
        body(positions);
      });
    });
  }

private:
  std::vector<int64_t> extents_;
  int64_t rows_ = 1;
  int64_t per_task_;
};

} // namespace kiln::codegen
