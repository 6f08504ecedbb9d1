// Sliding windows: where convolution and pooling windows lie on their source, and which windows are refused. Shared by
// shape rules, reference evaluations and emitters, so that they cannot disagree about an edge.
#pragma once

#include "ir/attributes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace kiln::ir {

using Size2 = std::array<int64_t, 2>; // rows, columns

// ceil is the rule of PyTorch, of ONNX's ceil_mode and of Caffe alike. (Without padding, Caffe keeps even a window that
// starts beyond the source, which takes a stride larger than the kernel; the mean of such a window is NaN.)
enum class Rounding : uint8_t {
  floor, // windows lie within the padded source; a remainder is dropped
  ceil   // one more window covers a remainder, if it starts within the source or the padding before it
};

// One axis of a window.
struct WindowAxis {
  int64_t input = 1;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t pad_before = 0;
  int64_t pad_after = 0;
  int64_t dilation = 1;
  Rounding rounding = Rounding::floor;

  // Positions from the first tap to the last, both included.
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  int64_t padded() const { return pad_before + input + pad_after; }
  // How many windows there are; less than 1 when none fits.
  int64_t output() const;

  // Source position of a window's first tap; negative in the padding.
  int64_t start(int64_t window) const { return window * stride - pad_before; }
  int64_t position(int64_t window, int64_t tap) const { return start(window) + tap * dilation; }
  bool contains(int64_t position) const { return position >= 0 && position < input; }

  // The taps that lie on the source are [first_tap, end_tap).
  int64_t first_tap(int64_t window) const { return (std::max<int64_t>(-start(window), 0) + dilation - 1) / dilation; }
  int64_t end_tap(int64_t window) const { return taps_before(window, input); }
  // How many lie on the source or its padding: what ceil rounding lets hang over the padding's end is not counted.
  int64_t padded_count(int64_t window) const { return taps_before(window, input + pad_after); }

private:
  int64_t taps_before(int64_t window, int64_t end) const {
    return std::min((std::max<int64_t>(end - start(window), 0) + dilation - 1) / dilation, kernel);
  }
};

struct Window {
  WindowAxis rows;
  WindowAxis columns;

  Size2 output() const { return {rows.output(), columns.output()}; }
};

// Calls visit(row, column) for the elements of window (y, x) that lie on the source, in row-major order.
template <class Visit> void for_each_tap(const Window& window, int64_t y, int64_t x, Visit visit) {
  for (int64_t i = window.rows.first_tap(y); i < window.rows.end_tap(y); ++i)
    for (int64_t j = window.columns.first_tap(x); j < window.columns.end_tap(x); ++j)
      visit(window.rows.position(y, i), window.columns.position(x, j));
}

// Attributes that every convolution has. pad is top, left, bottom, right.
struct ConvolutionWindow {
  Size2 stride{1, 1};
  std::array<int64_t, 4> pad{0, 0, 0, 0};
  Size2 dilation{1, 1};
  int64_t group = 1;

  void fields(FieldVisitor& visit) {
    visit("stride", stride);
    visit("pad", pad);
    visit("dilation", dilation);
    visit("group", group);
  }
};

// Attributes that every pooling has. pad is top, left, bottom, right, each less than the dilated kernel, so that every
// window meets the source.
struct PoolWindow {
  Size2 kernel{2, 2};
  Size2 stride{2, 2};
  std::array<int64_t, 4> pad{0, 0, 0, 0};
  Size2 dilation{1, 1};
  Rounding rounding = Rounding::floor;

  void fields(FieldVisitor& visit) {
    static constexpr std::string_view roundings[] = {"floor", "ceil"};
    visit("kernel", kernel);
    visit("stride", stride);
    visit("pad", pad);
    visit("dilation", dilation);
    enum_field(visit, "rounding", roundings, rounding);
  }
};

// The window over a source of the given size. Throws TypeError, in the name of `op`, when it is not valid or does not
// fit; sizes stay so far below 2^63 that no later product of two of them overflows.
Window window_of(std::string_view op, const ConvolutionWindow& attributes, Size2 kernel, Size2 source);
Window window_of(std::string_view op, const PoolWindow& attributes, Size2 source);

} // namespace kiln::ir
