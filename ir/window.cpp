// Sliding windows: output sizes and the refusal of windows that are not valid.
#include "ir/window.h"

#include "ir/op.h"

#include <fmt/format.h>

namespace kiln::ir {

namespace {

constexpr int64_t kLimit = int64_t{1} << 30;

int64_t divide_down(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

template <size_t count> void expect_between(std::string_view op, std::string_view what,
                                            const std::array<int64_t, count>& values, int64_t least) {
  for (int64_t value : values)
    if (value < least || value > kLimit)
      throw TypeError(
          fmt::format("{}: {}: expected values from {} to 2^30, got [{}]", op, what, least, fmt::join(values, ",")));
}

std::string dilated_size(const Window& window) {
  if (window.rows.dilation == 1 && window.columns.dilation == 1) return "";
  return fmt::format(" (dilated to {}x{})", window.rows.extent(), window.columns.extent());
}

void expect_fits(std::string_view op, const Window& window) {
  const auto [rows, columns] = window.output();
  if (rows >= 1 && columns >= 1) return;
  throw TypeError(fmt::format("{}: kernel {}x{}{} is larger than the padded input {}x{}", op, window.rows.kernel,
                              window.columns.kernel, dilated_size(window), window.rows.padded(),
                              window.columns.padded()));
}

} // namespace

int64_t WindowAxis::output() const {
  const int64_t slack = padded() - extent();
  if (rounding == Rounding::floor) return divide_down(slack, stride) + 1;
  const int64_t windows = divide_down(slack + stride - 1, stride) + 1;
  // As PyTorch and Caffe: a last window that would start beyond the source sees padding alone, and is dropped.
  return start(windows - 1) >= input ? windows - 1 : windows;
}

Window window_of(std::string_view op, const ConvolutionWindow& attributes, Size2 kernel, Size2 source) {
  expect_between(op, "kernel", kernel, 1);
  expect_between(op, "stride", attributes.stride, 1);
  expect_between(op, "pad", attributes.pad, 0);
  expect_between(op, "dilation", attributes.dilation, 1);
  const auto& pad = attributes.pad;
  const Window window{
      {source[0], kernel[0], attributes.stride[0], pad[0], pad[2], attributes.dilation[0], Rounding::floor},
      {source[1], kernel[1], attributes.stride[1], pad[1], pad[3], attributes.dilation[1], Rounding::floor}};
  expect_fits(op, window);
  return window;
}

Window window_of(std::string_view op, const PoolWindow& attributes, Size2 source) {
  const auto& [kernel, stride, pad, dilation, rounding] = attributes;
  expect_between(op, "kernel", kernel, 1);
  expect_between(op, "stride", stride, 1);
  expect_between(op, "pad", pad, 0);
  expect_between(op, "dilation", dilation, 1);
  const Window window{{source[0], kernel[0], stride[0], pad[0], pad[2], dilation[0], rounding},
                      {source[1], kernel[1], stride[1], pad[1], pad[3], dilation[1], rounding}};
  for (const WindowAxis& axis : {window.rows, window.columns}) {
    if (std::max(axis.pad_before, axis.pad_after) >= axis.extent())
      throw TypeError(
          fmt::format("{}: pad [{}] must be smaller than kernel {}x{}{}, or windows would see padding alone", op,
                      fmt::join(pad, ","), kernel[0], kernel[1], dilated_size(window)));
    // With larger steps the taps of a window could lie before and behind the source, and none on it.
    if (axis.dilation > axis.input && std::max(axis.pad_before, axis.pad_after) > 0 && axis.kernel > 1)
      throw TypeError(fmt::format("{}: dilation [{}] is larger than the input {}x{}: windows could see padding alone",
                                  op, fmt::join(dilation, ","), source[0], source[1]));
  }
  expect_fits(op, window);
  return window;
}

} // namespace kiln::ir
