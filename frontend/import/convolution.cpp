// convolution: its message to conv2d and bias.
// Checks sizes, groups and whether the kernel fits.
#include "frontend/import/convolution.h"

#include <fmt/format.h>

#include "ir/ops/conv2d.h"

namespace kiln::frontend {

void take_groups(int64_t groups, int64_t filters, ConvolutionFields& fields, LayerImport& import) {
  LayerReport& report = import.report;
  if (groups < 1)
    report.error(fields.at + ".groups", fmt::format("groups is {}: it must be at least 1", groups));
  else if (filters > 0 && filters % groups != 0)
    report.error(fields.at + ".groups", fmt::format("groups {} does not divide filters {}", groups, filters));
  if (import.input_known() && expect_image(import)) {
    int64_t channels = import.input_dims()[1];
    if (groups >= 1 && channels % groups != 0)
      report.error(fields.at + ".groups",
                   fmt::format("groups {} does not divide the input's channels, {}", groups, channels));
  }
  fields.window.group = groups;
}

ir::Value* add_convolution(const ConvolutionFields& fields, int64_t filters, const ConvolutionStart& start, bool bias,
                           LayerImport& import) {
  const ir::Dims& dims = import.input_dims();
  const ir::ConvolutionWindow& window = fields.window;
  ir::Window over = window_over(dims, fields.kernel, window.stride, window.pad, window.dilation);
  if (!check_fits(over, fields.at, import)) return nullptr;
  ir::Dims weights{filters, dims[1] / window.group, fields.kernel[0], fields.kernel[1]};
  auto [rows, columns] = over.output();
  if (!import.check_size(weights, "its weight") || !import.check_size({dims[0], filters, rows, columns}, "its output"))
    return nullptr;

  ir::State& weight = import.parameter("weight", std::move(weights), start.weights);
  ir::Value& product = import.create<ir::Conv2d>({window, {}}, {&import.input(), &weight.value}, bias ? "conv2d" : "");
  return bias ? &import.add_bias(product, start.bias) : &product;
}

ir::Value* import_layer(const proto::Convolution& convolution, LayerImport& import) {
  LayerReport& report = import.report;
  const std::string at = "convolution";
  int64_t filters = take_count(convolution.has_filters(), convolution.filters(), at, "filters", report);
  ConvolutionFields fields = take_convolution(convolution, at, report);
  take_groups(convolution.groups(), filters, fields, import);
  Fans fans;
  if (import.ready()) {
    fans.in = static_cast<double>(import.input_dims()[1] / fields.window.group) * fields.area();
    fans.out = static_cast<double>(filters / fields.window.group) * fields.area();
  }
  ConvolutionStart start = take_start(convolution, fans, at, report);
  if (!import.ready()) return nullptr;
  return add_convolution(fields, filters, start, convolution.bias(), import);
}

} // namespace kiln::frontend
