// Preprocess: image bytes as they come to the tensor that the first layer takes.
// Shape rule and reference.
#include "ir/ops/preprocess.h"

#include "ir/ops/channel_values.h"

namespace kiln::ir {

std::vector<TensorType> Preprocess::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Preprocess>().name;
  expect_count(op, operands, {"image"});
  const TensorType& image = operands[0];
  if (image.dtype == DType::i32) refuse(op, "image", "u8 or f32", to_string(image));
  expect_rank(op, "image", image, {4});
  const auto& [top, left, bottom, right] = attributes.pad;
  constexpr int64_t limit = int64_t{1} << 20;
  for (int64_t pad : attributes.pad)
    if (pad < 0 || pad > limit)
      refuse(op, "pad", fmt::format("0 to {}", limit), fmt::format("[{}]", fmt::join(attributes.pad, ",")));
  const int64_t channels = image.dims[3];
  expect_channel_values(op, "scale", attributes.scale, channels);
  expect_channel_values(op, "shift", attributes.shift, channels);
  expect_channel_values(op, "pad_value", attributes.pad_value, channels);
  const Dims dims = {image.dims[0], channels, top + image.dims[1] + bottom, left + image.dims[2] + right};
  return {TensorType{DType::f32, dims, {}}};
}

void Preprocess::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& image = frame.operand(0);
  Tensor& dst = frame.result();
  const int64_t height = image.dims[1], width = image.dims[2], channels = image.dims[3];
  const int64_t top = attributes.pad[0], left = attributes.pad[1];
  int64_t i = 0;
  for (int64_t n = 0; n < dst.dims[0]; ++n)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t row = 0; row < dst.dims[2]; ++row)
        for (int64_t column = 0; column < dst.dims[3]; ++column) {
          const int64_t y = row - top, x = column - left;
          const bool inside = y >= 0 && y < height && x >= 0 && x < width;
          dst[i++] = inside ? formula<double>(image[((n * height + y) * width + x) * channels + c],
                                              channel_value(attributes.scale, c), channel_value(attributes.shift, c))
                            : channel_value(attributes.pad_value, c);
        }
}

int64_t Preprocess::flops(const Node& node) { return 2 * node.operand(0).type.elements(); }

} // namespace kiln::ir
