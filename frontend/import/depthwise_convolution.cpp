// depthwise_convolution: its message to a conv2d with a group for each channel, and bias.
// Checks as for convolution.
#include <fmt/format.h>

#include "frontend/import/convolution.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::DepthwiseConvolution& convolution, LayerImport& import) {
  LayerReport& report = import.report;
  const std::string at = "depthwise_convolution";
  int64_t multiplier = take_count(true, convolution.multiplier(), at, "multiplier", report);
  ConvolutionFields fields = take_convolution(convolution, at, report);
  if (import.input_known()) expect_image(import);
  ConvolutionStart start =
      take_start(convolution, {fields.area(), static_cast<double>(multiplier) * fields.area()}, at, report);
  if (!import.ready()) return nullptr;
  int64_t channels = import.input_dims()[1];
  if (!import.check_size({channels, multiplier}, "its output")) return nullptr;
  fields.window.group = channels;
  return add_convolution(fields, channels * multiplier, start, convolution.bias(), import);
}

} // namespace kiln::frontend
