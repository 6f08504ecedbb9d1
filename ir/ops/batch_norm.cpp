// BatchNorm: every channel brought to mean 0 and variance 1 over the batch; and its gradient.
// The reference takes the mean first and the variance about it.
#include "ir/ops/batch_norm.h"

#include "ir/ops/normalization.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace kiln::ir {

std::vector<TensorType> BatchNorm::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<BatchNorm>().name;
  const auto own = operands.size() - std::min(operands.size(), adds_of(attributes.epilogue));
  if (own != 3) expect_count(op, operands.first(own), {"src"});
  const Dims channels = expect_channels(op, "src", operands[0]);
  if (own == 3) {
    expect_type(op, "scale", operands[1], DType::f32, channels);
    expect_type(op, "shift", operands[2], DType::f32, channels);
  }
  expect_epsilon(op, attributes.epsilon);
  expect_normalization_epilogue(op, attributes.epilogue, operands.subspan(own), operands[0].dims);
  const TensorType statistic{DType::f32, channels, {}};
  return {operands[0], statistic, statistic};
}

void BatchNorm::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const size_t own = frame.operands.size() - adds_of(attributes.epilogue);
  const bool affine = own == 3;
  Tensor& dst = frame.result(0);
  Tensor& mean = frame.result(1);
  Tensor& variance = frame.result(2);
  const auto n = static_cast<double>(values_per_channel(src.dims));
  for_each_in_channels(src.dims, [&](int64_t i, int64_t c) { mean[c] += src[i]; });
  for (double& value : mean.data) value /= n;
  for_each_in_channels(src.dims, [&](int64_t i, int64_t c) { variance[c] += (src[i] - mean[c]) * (src[i] - mean[c]); });
  for (double& value : variance.data) value /= n;
  for_each_in_channels(src.dims, [&](int64_t i, int64_t c) {
    const double x = (src[i] - mean[c]) / std::sqrt(variance[c] + attributes.epsilon);
    dst[i] = apply_epilogue(attributes.epilogue, affine ? x * frame.operand(1)[c] + frame.operand(2)[c] : x,
                            [&](int64_t add) { return frame.operand(own + static_cast<size_t>(add))[i]; });
  });
}

void BatchNorm::gradient(GradientBuilder& builder, const Node& node) {
  if (!node.attributes<BatchNorm>().epilogue.empty())
    throw std::logic_error("batch_norm: differentiate must run before epilogues are fused");
  if (builder.result_gradient(1) != nullptr || builder.result_gradient(2) != nullptr)
    throw TypeError("batch_norm: its mean and variance pass no gradient on");
  const bool affine = node.operands().size() == 3;
  std::vector<Value*> operands = {&node.operand(0), &node.result(1), &node.result(2), builder.result_gradient(0)};
  if (affine) operands.push_back(&node.operand(1));
  const Node& backward =
      *builder.create<BatchNormBackward>(node.attributes<BatchNorm>(), std::move(operands), "backward").producer;
  for (size_t i = 0; i < backward.result_count(); ++i)
    if (builder.wants(i)) builder.set_operand_gradient(i, backward.result(i));
}

int64_t BatchNorm::flops(const Node& node) { return 7 * node.operand(0).type.elements(); }

std::vector<TensorType> BatchNormBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<BatchNormBackward>().name;
  const Epilogue& epilogue = attributes.epilogue;
  if (epilogue.size() > 1 || (epilogue.size() == 1 && !has_backward_by_operand(epilogue[0])))
    refuse(op, "epilogue", "none, or one of relu, leaky_relu and clip", to_string(epilogue));
  expect_epilogue_parameters(op, epilogue);
  const size_t with_affine = epilogue.empty() ? 5 : 6;
  const bool affine = operands.size() == with_affine;
  if (!affine) expect_count(op, operands, {"src", "mean", "variance", "ddst"});
  const Dims channels = expect_channels(op, "src", operands[0]);
  expect_type(op, "mean", operands[1], DType::f32, channels);
  expect_type(op, "variance", operands[2], DType::f32, channels);
  expect_type(op, "ddst", operands[3], DType::f32, operands[0].dims);
  expect_epsilon(op, attributes.epsilon);
  if (!affine) return {operands[0]};
  expect_type(op, "scale", operands[4], DType::f32, channels);
  if (!epilogue.empty()) expect_type(op, "shift", operands[5], DType::f32, channels);
  const TensorType vector{DType::f32, channels, {}};
  return {operands[0], vector, vector};
}

void BatchNormBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  const Tensor& mean = frame.operand(1);
  const Tensor& variance = frame.operand(2);
  const bool affine = frame.operands.size() > 4;
  const auto n = static_cast<double>(values_per_channel(src.dims));
  const auto reciprocal = [&](int64_t c) { return 1 / std::sqrt(variance[c] + attributes.epsilon); };
  const auto x = [&](int64_t i, int64_t c) { return (src[i] - mean[c]) * reciprocal(c); };
  const auto gradient = [&](int64_t i, int64_t c) {
    if (attributes.epilogue.empty()) return frame.operand(3)[i];
    const double dst = affine ? x(i, c) * frame.operand(4)[c] + frame.operand(5)[c] : x(i, c);
    return epilogue_step_backward(attributes.epilogue[0], dst, frame.operand(3)[i]);
  };
  Tensor dscale(mean.dims);
  Tensor dshift(mean.dims);
  for_each_in_channels(src.dims, [&](int64_t i, int64_t c) {
    dshift[c] += gradient(i, c);
    dscale[c] += gradient(i, c) * x(i, c);
  });
  for_each_in_channels(src.dims, [&](int64_t i, int64_t c) {
    const double factor = affine ? frame.operand(4)[c] * reciprocal(c) : reciprocal(c);
    frame.result(0)[i] = factor * (gradient(i, c) - dshift[c] / n - x(i, c) * dscale[c] / n);
  });
  if (!affine) return;
  frame.result(1) = std::move(dscale);
  frame.result(2) = std::move(dshift);
}

int64_t BatchNormBackward::flops(const Node& node) { return 10 * node.operand(0).type.elements(); }

} // namespace kiln::ir
