// transposed_convolution: its message to conv_transpose2d and bias.
// Output padding is padding taken back, so that the op knows one kind of padding alone.
#include <algorithm>

#include <fmt/format.h>

#include "frontend/import/convolution.h"
#include "ir/ops/conv_transpose2d.h"

namespace kiln::frontend {
namespace {

constexpr std::array<std::string_view, 2> kSides = {"height", "width"};

// The side of the output, along axis 0 (rows) or 1 (columns). Sizes beyond all use stay beyond it.
int64_t output_side(const ConvolutionFields& fields, size_t axis, int64_t input, int64_t output_padding) {
  constexpr int64_t kLarge = int64_t{1} << 31;
  int64_t extent = fields.window.dilation[axis] * (fields.kernel[axis] - 1) + 1;
  return std::min(input - 1, kLarge) * fields.window.stride[axis] + extent + output_padding - fields.window.pad[axis] -
         fields.window.pad[axis + 2];
}

} // namespace

ir::Value* import_layer(const proto::TransposedConvolution& convolution, LayerImport& import) {
  LayerReport& report = import.report;
  const std::string at = "transposed_convolution";
  int64_t filters = take_count(convolution.has_filters(), convolution.filters(), at, "filters", report);
  ConvolutionFields fields = take_convolution(convolution, at, report);
  take_groups(convolution.groups(), filters, fields, import);
  auto output_padding = take_size(convolution.output_padding(), at + ".output_padding", "output_padding", 0, report);
  for (size_t axis = 0; axis < 2; ++axis) {
    int64_t taken_back = std::min(output_padding[axis], fields.window.pad[axis + 2]);
    int64_t stride = fields.window.stride[axis];
    if (!report.failed() && output_padding[axis] - taken_back >= stride)
      report.error(fmt::format("{}.output_padding[{}]", at, axis),
                   fmt::format("output_padding {} goes {} beyond the padding: that must be less than the stride, {}",
                               output_padding[axis], output_padding[axis] - taken_back, stride));
    fields.window.pad[axis + 2] -= taken_back;
    output_padding[axis] -= taken_back;
  }
  Fans fans;
  if (import.ready()) {
    auto windows = static_cast<double>(fields.window.stride[0]) * static_cast<double>(fields.window.stride[1]);
    fans.in = static_cast<double>(import.input_dims()[1] / fields.window.group) * fields.area() / windows;
    fans.out = static_cast<double>(filters / fields.window.group) * fields.area();
  }
  ConvolutionStart start = take_start(convolution, fans, at, report);
  if (!import.ready()) return nullptr;

  const ir::Dims& dims = import.input_dims();
  if (start.weights.kind == ir::InitializerKind::bilinear)
    start.weights.b = static_cast<double>(dims[1] / fields.window.group);
  ir::Size2 size{};
  for (size_t axis = 0; axis < 2; ++axis) {
    size[axis] = output_side(fields, axis, dims[axis + 2], output_padding[axis]);
    if (size[axis] < 1)
      report.error(at + ".padding", fmt::format("padding {} and {} leave nothing of the output's {}, {}",
                                                fields.window.pad[axis], fields.window.pad[axis + 2], kSides[axis],
                                                size[axis] + fields.window.pad[axis] + fields.window.pad[axis + 2]));
  }
  ir::Dims weights{dims[1], filters / fields.window.group, fields.kernel[0], fields.kernel[1]};
  if (report.failed() || !import.check_size(weights, "its weight") ||
      !import.check_size({dims[0], filters, size[0], size[1]}, "its output"))
    return nullptr;

  ir::State& weight = import.parameter("weight", std::move(weights), start.weights);
  ir::Value& product = import.create<ir::ConvTranspose2d>({fields.window, size, {}}, {&import.input(), &weight.value},
                                                          convolution.bias() ? "conv_transpose2d" : "");
  return convolution.bias() ? &import.add_bias(product, start.bias) : &product;
}

} // namespace kiln::frontend
