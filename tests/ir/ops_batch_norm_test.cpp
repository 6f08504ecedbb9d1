// Batch norm by hand: statistics, the affine form, what the running ones become, and folding.
#include "ir/evaluate.h"
#include "ir/op.h"
#include "ir/text.h"

#include <cmath>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

Tensor tensor(Dims dims, std::vector<double> data) {
  Tensor made(std::move(dims));
  made.data = std::move(data);
  return made;
}

void expect_near(const Tensor& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.data.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(got.data[i], expected[i], 1e-12) << i;
}

TEST(BatchNorm, TakesStatisticsOfEachChannelOverSamplesAndPixels) {
  const auto module = parse(R"(func @f(%src: f32[2,2,1,2], %scale: f32[2], %shift: f32[2]) {
    %dst, %mean, %variance = batch_norm(%src, %scale, %shift) {epsilon=4}
    return dst=%dst, mean=%mean, variance=%variance
  })");
  Environment environment;
  environment.inputs["src"] = tensor({2, 2, 1, 2}, {1, 3, 10, 10, 5, 7, 10, 10});
  environment.inputs["scale"] = tensor({2}, {3, 5});
  environment.inputs["shift"] = tensor({2}, {1, -1});
  auto outputs = evaluate(*module->functions().front(), environment);
  expect_near(outputs.at("mean"), {4, 10});
  expect_near(outputs.at("variance"), {5, 0}); // of -3, -1, 1, 3, divided by 4: biased
  expect_near(outputs.at("dst"), {-2, 0, -1, -1, 2, 4, -1, -1});
}

TEST(BatchNorm, RunningVarianceIsUnbiased) {
  const auto module = parse(R"(
    state @mean : f32[1] {role=statistic}
    state @variance : f32[1] {role=statistic, init=constant(1)}
    func @f(%src: f32[4,1]) {
      %dst, %batch_mean, %batch_variance = batch_norm(%src)
      update_running_statistics(@mean, @variance, %batch_mean, %batch_variance) {share=0.1, count=4}
      return dst=%dst
    })");
  Environment environment;
  environment.inputs["src"] = tensor({4, 1}, {1, 3, 5, 7});
  environment.states = initial_states(*module, 1);
  evaluate(*module->functions().front(), environment);
  expect_near(environment.states.at("mean"), {0.4});
  expect_near(environment.states.at("variance"), {0.9 + 0.1 * 20.0 / 3});
}

TEST(BatchNorm, InfersByGivenStatistics) {
  const auto module = parse(R"(func @f(%src: f32[1,2], %mean: f32[2], %variance: f32[2]) {
    %dst = batch_norm_inference(%src, %mean, %variance) {epsilon=1}
    return dst=%dst
  })");
  Environment environment;
  environment.inputs["src"] = tensor({1, 2}, {5, 1});
  environment.inputs["mean"] = tensor({2}, {1, 2});
  environment.inputs["variance"] = tensor({2}, {3, 0});
  expect_near(evaluate(*module->functions().front(), environment).at("dst"), {2, -1});
}

} // namespace
} // namespace kiln::ir
