// Dropout: sets a random share of elements to zero and scales the others up. Training only.
// The reference draws as emitted code does: by logical element index in N, H, W, C order.
#include "ir/ops/dropout.h"

#include "runtime/counter_random.h"

namespace kiln::ir {

std::vector<TensorType> Dropout::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Dropout>().name;
  expect_count(op, operands, {"src"});
  expect_dtype(op, "src", operands[0], DType::f32);
  expect_rank(op, "src", operands[0], {2, 4});
  // The draws are compared in f32, where a rate just below 1 becomes 1.
  if (!(attributes.drop >= 0 && static_cast<float>(attributes.drop) < 1))
    refuse(op, "drop", "at least 0 and less than 1", fmt::to_string(attributes.drop));
  return {operands[0]};
}

void Dropout::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  const uint64_t key = random::stream_key(frame.seed, frame.step, attributes.stream.value);
  const int64_t channels = src.dims[1];
  const int64_t pixels = src.dims.size() == 4 ? src.dims[2] * src.dims[3] : 1;
  for (int64_t i = 0; i < src.elements(); ++i) {
    const int64_t n = i / (channels * pixels), c = i / pixels % channels, pixel = i % pixels;
    const int64_t element = (n * pixels + pixel) * channels + c;
    const float u = random::uniform(random::draw(key, static_cast<uint64_t>(element)));
    dst[i] = formula<double>(attributes, src[i], u);
  }
}

void Dropout::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(
      0, builder.create<Dropout>(node.attributes<Dropout>(), {builder.result_gradient()}, "backward"));
}

int64_t Dropout::flops(const Node& node) { return node.result().type.elements(); }

} // namespace kiln::ir
