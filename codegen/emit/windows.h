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
  // for_each calls its body once an element at emission time, rather than in a loop.
  bool unrolled() const { return unrolled_; }
  // No element lies in two windows.
  bool disjoint() const {
    return window_.rows.stride >= window_.rows.extent() && window_.columns.stride >= window_.columns.extent();
  }
  // Every element lies in exactly one window.
  bool tiles() const { return !clipped_ && tiles(window_.rows) && tiles(window_.columns); }

  // WindowAxis::first_tap, end_tap and padded_count. Every window meets the source, so no difference is negative.
  static Index first_tap(const ir::WindowAxis& axis, Index window) {
    if (axis.pad_before == 0) return like(window, 0);
    return divide_up(max(axis.pad_before - window * axis.stride, 0), axis.dilation);
  }
  static Index end_tap(const ir::WindowAxis& axis, Index window) { return taps_before(axis, window, axis.input); }
  static Index padded_count(const ir::WindowAxis& axis, Index window) {
    return taps_before(axis, window, axis.input + axis.pad_after);
  }

  // The number of the first element of window (y, x) on the source, and its position in the source plane.
  Index first_number(Index y, Index x) const {
    return first_tap(window_.rows, y) * window_.columns.kernel + first_tap(window_.columns, x);
  }
  Index first_position(Index y, Index x) const {
    return position(window_.rows, y, first_tap(window_.rows, y)) * window_.columns.input +
           position(window_.columns, x, first_tap(window_.columns, x));
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
          body(first + (i * rows.dilation * columns.input + j * columns.dilation), k.index(i * columns.kernel + j));
      return;
    }
    const Index left_tap = first_tap(columns, x);
    const Index left_end = end_tap(columns, x);
    k.for_range(first_tap(rows, y), end_tap(rows, y), 1, [&](Index i) {
      const Index row = position(rows, y, i) * columns.input;
      k.for_range(left_tap, left_end, 1, [&](Index j) { body(row + position(columns, x, j), i * columns.kernel + j); });
    });
  }

private:
  static Index divide_up(Index a, int64_t b) { return b == 1 ? a : (a + (b - 1)) / b; }
  static Index position(const ir::WindowAxis& axis, Index window, Index tap) {
    return window * axis.stride - axis.pad_before + tap * axis.dilation;
  }
  static Index taps_before(const ir::WindowAxis& axis, Index window, int64_t end) {
    return min(divide_up(end + axis.pad_before - window * axis.stride, axis.dilation), axis.kernel);
  }
  static bool tiles(const ir::WindowAxis& axis) {
    return axis.dilation == 1 && axis.stride == axis.kernel && axis.output() * axis.stride == axis.input;
  }
  static bool clips(const ir::WindowAxis& axis, int64_t count) {
    return axis.pad_before != 0 || axis.start(count - 1) + axis.extent() > axis.input;
  }

  ir::Window window_;
  bool clipped_ = false;
  bool unrolled_ = false;
};

} // namespace kiln::codegen
