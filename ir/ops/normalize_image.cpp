// NormalizeImage: image bytes to the tensor that the first layer takes, by statistics of the training images.
// Shape rule and reference.
#include "ir/ops/normalize_image.h"

namespace kiln::ir {

std::vector<TensorType> NormalizeImage::infer(const Attributes&, Operands operands) {
  const auto op = info<NormalizeImage>().name;
  const bool rotated = operands.size() == 4;
  if (!rotated) expect_count(op, operands, {"image", "center", "factor"});
  const TensorType& image = operands[0];
  if (image.dtype == DType::i32) refuse(op, "image", "u8 or f32", to_string(image));
  expect_rank(op, "image", image, {4});
  const int64_t channels = image.dims[3];
  const auto expect_values = [&](std::string_view what, const TensorType& got) {
    const TensorType a_channel{DType::f32, {channels}, {}};
    const TensorType a_value{DType::f32, {channels, image.dims[1], image.dims[2]}, {}};
    if (!got.same_logical(a_channel) && !got.same_logical(a_value))
      refuse(op, what, fmt::format("{} or {}", to_string(a_channel), to_string(a_value)), to_string(got));
  };
  expect_values("center", operands[1]);
  expect_values("factor", operands[2]);
  int64_t results = channels;
  if (rotated) {
    expect_dtype(op, "rotation", operands[3], DType::f32);
    expect_rank(op, "rotation", operands[3], {2});
    if (operands[3].dims[1] != channels)
      refuse(op, "rotation", fmt::format("{} columns, one a channel", channels), to_string(operands[3]));
    results = operands[3].dims[0];
  }
  return {TensorType{DType::f32, {image.dims[0], results, image.dims[1], image.dims[2]}, {}}};
}

void NormalizeImage::evaluate(const Attributes&, EvaluationFrame& frame) {
  const Tensor& image = frame.operand(0);
  const Tensor& center = frame.operand(1);
  const Tensor& factor = frame.operand(2);
  const Tensor* rotation = frame.operands.size() == 4 ? &frame.operand(3) : nullptr;
  Tensor& dst = frame.result();
  const int64_t channels = image.dims[3], results = dst.dims[1], pixels = image.dims[1] * image.dims[2];
  const auto value = [&](int64_t n, int64_t c, int64_t p) {
    const auto of = [&](const Tensor& values) { return values[values.dims.size() == 1 ? c : c * pixels + p]; };
    return formula<double>(image[(n * pixels + p) * channels + c], of(center), of(factor));
  };
  for (int64_t n = 0; n < image.dims[0]; ++n)
    for (int64_t k = 0; k < results; ++k)
      for (int64_t p = 0; p < pixels; ++p) {
        double sum = rotation == nullptr ? value(n, k, p) : 0;
        for (int64_t c = 0; rotation != nullptr && c < channels; ++c)
          sum += (*rotation)[k * channels + c] * value(n, c, p);
        dst[(n * results + k) * pixels + p] = sum;
      }
}

int64_t NormalizeImage::flops(const Node& node) {
  const int64_t rotation = node.operands().size() == 4 ? 2 * node.operand(3).type.dims[0] : 0;
  return (2 + rotation) * node.operand(0).type.elements();
}

} // namespace kiln::ir
