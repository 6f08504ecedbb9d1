// What layers that slide a window over an image have in common.
// The geometry is the IR's (ir/window.h), the words are the user's.
#include "frontend/import/window.h"

#include <algorithm>

#include <fmt/format.h>

namespace kiln::frontend {
namespace {

std::string sides(int64_t height, int64_t width) { return fmt::format("{}x{}", height, width); }

} // namespace

ir::Size2 take_kernel(const google::protobuf::RepeatedField<int64_t>& kernel, const std::string& at,
                      LayerReport& report) {
  if (!kernel.empty()) return take_size(kernel, at + ".kernel", "kernel", 1, report);
  report.missing(at, "it has no kernel", "kernel: 3");
  return {1, 1};
}

int64_t take_count(bool given, int64_t value, const std::string& at, const std::string& what, LayerReport& report) {
  constexpr int64_t most = int64_t{1} << 30;
  if (!given) {
    report.missing(at, fmt::format("it has no {}", what), fmt::format("{}: 32", what));
  } else if (value < 1 || value > most) {
    report.error(at + "." + what,
                 fmt::format("{} is {}: it must be {}", what, value, value < 1 ? "at least 1" : "at most 2^30"));
  } else {
    return value;
  }
  return 0;
}

bool expect_image(LayerImport& import) {
  if (import.input_dims().size() == 4) return true;
  import.report.error("",
                      fmt::format("its input is a row of {} values, it needs channels, height and width",
                                  values_of(import.input_dims())),
                      "put it before dense or flatten layers, or reshape { dims: [channels, height, width] }");
  return false;
}

ir::Window window_over(const ir::Dims& image, ir::Size2 kernel, ir::Size2 stride, const std::array<int64_t, 4>& padding,
                       ir::Size2 dilation, ir::Rounding rounding) {
  auto [top, left, bottom, right] = padding;
  return {{image[2], kernel[0], stride[0], top, bottom, dilation[0], rounding},
          {image[3], kernel[1], stride[1], left, right, dilation[1], rounding}};
}

bool check_fits(const ir::Window& window, const std::string& at, LayerImport& import) {
  const ir::WindowAxis& rows = window.rows;
  const ir::WindowAxis& columns = window.columns;
  if (rows.extent() <= rows.padded() && columns.extent() <= columns.padded()) return true;
  bool dilated = rows.dilation != 1 || columns.dilation != 1;
  bool padded = rows.padded() != rows.input || columns.padded() != columns.input;
  std::string kernel = sides(rows.kernel, columns.kernel);
  if (dilated) kernel += fmt::format(" (dilated to {})", sides(rows.extent(), columns.extent()));
  std::string input = sides(rows.input, columns.input);
  if (padded) input += fmt::format(" (padded to {})", sides(rows.padded(), columns.padded()));
  import.report.error(at + ".kernel", fmt::format("kernel {} is larger than the input {}", kernel, input),
                      "use a smaller kernel, more padding, or fewer layers that shrink the image before it");
  return false;
}

ir::PoolWindow whole_image(const ir::Dims& image) {
  ir::PoolWindow window;
  window.kernel = window.stride = {image[2], image[3]};
  return window;
}

template <class Pool>
bool take_pool(const Pool& pool, const std::string& at, LayerImport& import, ir::PoolWindow& attributes) {
  LayerReport& report = import.report;
  attributes.kernel = take_kernel(pool.kernel(), at, report);
  if (!pool.kernel().empty()) {
    attributes.stride = take_size(pool.stride(), at + ".stride", "stride", 1, report);
    attributes.pad = take_padding(pool.padding(), at + ".padding", report);
    attributes.dilation = take_size(pool.dilation(), at + ".dilation", "dilation", 1, report);
  }
  switch (pool.rounding()) {
  case proto::FLOOR:
    attributes.rounding = ir::Rounding::floor;
    break;
  case proto::CEIL:
    attributes.rounding = ir::Rounding::ceil;
    break;
  }
  const auto& [kernel, stride, pad, dilation, rounding] = attributes;
  for (size_t side = 0; side < 4 && !report.failed(); ++side) {
    int64_t extent = (kernel[side % 2] - 1) * dilation[side % 2] + 1;
    if (pad[side] >= extent)
      report.error(at + ".padding",
                   fmt::format("padding {} is not smaller than kernel {}{}: windows would see padding "
                               "alone",
                               pad[side], kernel[side % 2],
                               dilation[side % 2] == 1 ? "" : fmt::format(" (dilated to {})", extent)));
  }
  if (import.input_known()) expect_image(import);
  if (!import.ready()) return false;
  const ir::Dims& dims = import.input_dims();
  for (size_t axis = 0; axis < 2 && !report.failed(); ++axis)
    if (dilation[axis] > dims[axis + 2] && kernel[axis] > 1 && std::max(pad[axis], pad[axis + 2]) > 0)
      report.error(at + ".dilation", fmt::format("dilation {} is larger than the input {}: windows could see padding "
                                                 "alone",
                                                 dilation[axis], sides(dims[2], dims[3])));
  if (report.failed()) return false;
  ir::Window window = window_over(dims, kernel, stride, pad, dilation, rounding);
  return check_fits(window, at, import) &&
         import.check_size({dims[0], dims[1], window.output()[0], window.output()[1]}, "its output");
}

template bool take_pool(const proto::MaxPool&, const std::string&, LayerImport&, ir::PoolWindow&);
template bool take_pool(const proto::AveragePool&, const std::string&, LayerImport&, ir::PoolWindow&);

} // namespace kiln::frontend
