// convolution: its message to conv2d and bias.
// Checks sizes, groups and whether the kernel fits.
#include <fmt/format.h>

#include "frontend/import/layer_import.h"
#include "frontend/import/window.h"
#include "ir/ops/conv2d.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Convolution& convolution, LayerImport& import) {
  LayerReport& report = import.report;
  const std::string at = "convolution";
  int64_t filters = take_count(convolution.has_filters(), convolution.filters(), at, "filters", report);
  ir::Conv2d::Attributes attributes;
  attributes.stride = take_size(convolution.stride(), at + ".stride", "stride", 1, report);
  attributes.pad = take_padding(convolution.padding(), at + ".padding", report);
  attributes.dilation = take_size(convolution.dilation(), at + ".dilation", "dilation", 1, report);
  attributes.group = convolution.groups();
  ir::Size2 kernel = take_kernel(convolution.kernel(), at, report);
  if (convolution.groups() < 1)
    report.error(at + ".groups", fmt::format("groups is {}: it must be at least 1", convolution.groups()));
  else if (filters > 0 && filters % convolution.groups() != 0)
    report.error(at + ".groups", fmt::format("groups {} does not divide filters {}", convolution.groups(), filters));

  if (import.input_known() && expect_image(import)) {
    int64_t channels = import.input_dims()[1];
    if (convolution.groups() >= 1 && channels % convolution.groups() != 0)
      report.error(at + ".groups",
                   fmt::format("groups {} does not divide the input's channels, {}", convolution.groups(), channels));
  }
  Fans fans;
  if (import.ready()) {
    auto area = static_cast<double>(kernel[0]) * static_cast<double>(kernel[1]);
    fans.in = static_cast<double>(import.input_dims()[1] / attributes.group) * area;
    fans.out = static_cast<double>(filters / attributes.group) * area;
  }
  ir::Initializer weights_init =
      import_weights_initializer(convolution.weights_init(), fans, at + ".weights_init", report);
  ir::Initializer bias_init = import_initializer(convolution.bias_init(), fans, at + ".bias_init", report);
  if (!import.ready()) return nullptr;

  const ir::Dims& dims = import.input_dims();
  ir::Window window = window_over(dims, kernel, attributes.stride, attributes.pad, attributes.dilation);
  if (!check_fits(window, at, import)) return nullptr;
  ir::Dims weights{filters, dims[1] / attributes.group, kernel[0], kernel[1]};
  auto [rows, columns] = window.output();
  if (!import.check_size(weights, "its weight") || !import.check_size({dims[0], filters, rows, columns}, "its output"))
    return nullptr;

  ir::State& weight = import.parameter("weight", std::move(weights), weights_init);
  ir::Value& product =
      import.create<ir::Conv2d>(attributes, {&import.input(), &weight.value}, convolution.bias() ? "conv2d" : "");
  return convolution.bias() ? &import.add_bias(product, bias_init) : &product;
}

} // namespace kiln::frontend
