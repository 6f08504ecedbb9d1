// UpdateRunningStatistics: running mean and variance take over a share of a batch's.
// Shape rule and reference.
#include "ir/ops/update_running_statistics.h"

namespace kiln::ir {

std::vector<TensorType> UpdateRunningStatistics::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<UpdateRunningStatistics>().name;
  expect_count(op, operands, {"mean", "variance", "batch_mean", "batch_variance"});
  expect_dtype(op, "mean", operands[0], DType::f32);
  expect_rank(op, "mean", operands[0], {1});
  expect_type(op, "variance", operands[1], DType::f32, operands[0].dims);
  expect_type(op, "batch_mean", operands[2], DType::f32, operands[0].dims);
  expect_type(op, "batch_variance", operands[3], DType::f32, operands[0].dims);
  if (!(attributes.share >= 0 && attributes.share <= 1))
    refuse(op, "share", "0 to 1", fmt::to_string(attributes.share));
  if (attributes.count < 1) refuse(op, "count", "at least 1", fmt::to_string(attributes.count));
  return {};
}

void UpdateRunningStatistics::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  if (frame.writable[0] == nullptr || frame.writable[1] == nullptr)
    refuse(info<UpdateRunningStatistics>().name, "mean and variance", "states", "values that cannot be written");
  Tensor& mean = *frame.writable[0];
  Tensor& variance = *frame.writable[1];
  for (int64_t c = 0; c < mean.elements(); ++c) {
    mean[c] = kept(attributes) * mean[c] + mean_factor(attributes) * frame.operand(2)[c];
    variance[c] = kept(attributes) * variance[c] + variance_factor(attributes) * frame.operand(3)[c];
  }
}

} // namespace kiln::ir
