// Walking the elements of a pooling window in emitted code: the bounds are those of ir::Window, in Index arithmetic.
#pragma once

#include "codegen/emitter.h"
#include "ir/window.h"

namespace kiln::codegen {

class PoolTaps {
public:
  PoolTaps(const ir::Window& window, const ir::PoolWindow& attributes) : window_(window) {
    const auto [rows, columns] = window.output();
    clipped_ = clips(window.rows, rows) || clips(window.columns, columns);
    unrolled_ = !clipped_ && attributes.kernel[0] * attributes.kernel[1] <= 16;
  }

  // No window hangs over the source's edge, so that all have kernel rows x columns elements.
  bool clipped() const { return clipped_; }
  // No element lies in two windows.
  bool disjoint() const {
    return window_.rows.stride >= window_.rows.kernel && window_.columns.stride >= window_.columns.kernel;
  }
  // Every element lies in exactly one window.
  bool tiles() const {
    const auto [rows, columns] = window_.output();
    return !clipped_ && window_.rows.stride == window_.rows.kernel &&
           window_.columns.stride == window_.columns.kernel && rows * window_.rows.stride == window_.rows.input &&
           columns * window_.columns.stride == window_.columns.input;
  }

  static Index begin(const ir::WindowAxis& axis, Index window) {
    const Index start = window * axis.stride - axis.pad_before;
    return axis.pad_before == 0 ? start : max(start, 0);
  }
  static Index end(const ir::WindowAxis& axis, Index window) {
    return min(window * axis.stride + (axis.kernel - axis.pad_before), axis.input);
  }
  // WindowAxis::padded_count.
  static Index padded_count(const ir::WindowAxis& axis, Index window) {
    const Index start = window * axis.stride - axis.pad_before;
    return min(start + axis.kernel, axis.input + axis.pad_after) - start;
  }

  // Calls body(position, tap) for the elements of window (y, x) on the source, in row-major order: position counts
  // elements of the source plane, tap numbers the elements of the window.
  template <class Body> void for_each(KernelBuilder& k, Index y, Index x, Body body) const {
    const ir::WindowAxis& rows = window_.rows;
    const ir::WindowAxis& columns = window_.columns;
    if (unrolled_) {
      const Index first = (y * rows.stride) * columns.input + x * columns.stride;
      for (int64_t i = 0; i < rows.kernel; ++i)
        for (int64_t j = 0; j < columns.kernel; ++j)
          body(first + (i * columns.input + j), k.index(i * columns.kernel + j));
      return;
    }
    const Index top = y * rows.stride - rows.pad_before;
    const Index left = x * columns.stride - columns.pad_before;
    const Index left_end = end(columns, x);
    k.for_range(begin(rows, y), end(rows, y), 1, [&](Index row) {
      const Index tap_row = (row - top) * columns.kernel;
      k.for_range(begin(columns, x), left_end, 1,
                  [&](Index column) { body(row * columns.input + column, tap_row + (column - left)); });
    });
  }

private:
  static bool clips(const ir::WindowAxis& axis, int64_t count) {
    return axis.pad_before != 0 || axis.start(count - 1) + axis.kernel > axis.input;
  }

  ir::Window window_;
  bool clipped_ = false;
  bool unrolled_ = false;
};

} // namespace kiln::codegen
