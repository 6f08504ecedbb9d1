// What the layers convolution, depthwise_convolution and transposed_convolution have in common.
#pragma once

#include "frontend/import/layer_import.h"
#include "frontend/import/window.h"
#include "ir/window.h"

namespace kiln::frontend {

// Kernel, stride, padding and dilation of the message at field `at`.
struct ConvolutionFields {
  std::string at;
  ir::Size2 kernel{1, 1};
  ir::ConvolutionWindow window;

  double area() const { return static_cast<double>(kernel[0]) * static_cast<double>(kernel[1]); }
};

template <class Convolution>
ConvolutionFields take_convolution(const Convolution& convolution, std::string at, LayerReport& report) {
  ConvolutionFields fields;
  fields.window.stride = take_size(convolution.stride(), at + ".stride", "stride", 1, report);
  fields.window.pad = take_padding(convolution.padding(), at + ".padding", report);
  fields.window.dilation = take_size(convolution.dilation(), at + ".dilation", "dilation", 1, report);
  fields.kernel = take_kernel(convolution.kernel(), at, report);
  fields.at = std::move(at);
  return fields;
}

// Reports an input that is no image, and groups that do not divide filters and channels; sets the window's groups.
void take_groups(int64_t groups, int64_t filters, ConvolutionFields& fields, LayerImport& import);

// What weights and bias start from.
struct ConvolutionStart {
  ir::Initializer weights;
  ir::Initializer bias;
};

template <class Convolution> ConvolutionStart take_start(const Convolution& convolution, const Fans& fans,
                                                         const std::string& at, LayerReport& report) {
  return {import_initializer(convolution.weights_init(), fans, at + ".weights_init", report),
          import_initializer(convolution.bias_init(), fans, at + ".bias_init", report)};
}

// conv2d and, if wanted, bias; null when the kernel does not fit.
ir::Value* add_convolution(const ConvolutionFields& fields, int64_t filters, const ConvolutionStart& start, bool bias,
                           LayerImport& import);

} // namespace kiln::frontend
