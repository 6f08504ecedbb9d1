// Rectifiers whose slopes are learnt or drawn, and dropout of whole channels: values, gradient rules, draws, refusals.
// Draws are compared with the generator itself.
#include "ir/all_ops.h"
#include "tests/support/finite_difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

using testing::ElementsAre;

TensorType f32(Dims dims) { return {DType::f32, std::move(dims), {}}; }

Tensor tensor(Dims dims, std::vector<double> data) {
  Tensor made(std::move(dims));
  made.data = std::move(data);
  return made;
}

template <class Op> Tensor run(const typename Op::Attributes& attributes, const std::vector<Tensor>& operands,
                               uint64_t seed = 1, uint64_t step = 2) {
  std::vector<TensorType> types;
  EvaluationFrame frame;
  for (const Tensor& operand : operands) {
    frame.operands.push_back(&operand);
    types.push_back(f32(operand.dims));
  }
  Tensor result(Op::infer(attributes, types).at(0).dims);
  frame.results = {&result};
  frame.seed = seed;
  frame.step = step;
  Op::evaluate(attributes, frame);
  return result;
}

template <class Op> void expect_gradient(const typename Op::Attributes& attributes, const std::vector<Dims>& dims) {
  std::vector<TensorType> types;
  std::vector<Tensor> values;
  for (const Dims& d : dims) {
    types.push_back(f32(d));
    values.push_back(test::random_tensor(d, 40 + values.size()));
  }
  const auto check = test::check_gradient(info<Op>(), Attributes::of(attributes), types, values);
  EXPECT_LT(check.worst_error, 1e-6) << info<Op>().name << ": " << check.where;
  EXPECT_GT(check.largest_gradient, 1e-3);
  EXPECT_EQ(check.given, std::vector<bool>(dims.size(), true));
}

template <class Op> std::string refusal(const typename Op::Attributes& attributes, std::vector<TensorType> operands) {
  try {
    Op::infer(attributes, operands);
  } catch (const TypeError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Prelu, HasASlopeAChannelOrOneForAll) {
  const Tensor src = tensor({1, 2, 1, 2}, {-1, 2, -3, 4});
  EXPECT_THAT(run<Prelu>({}, {src, tensor({2}, {0.5, -2})}).data, ElementsAre(-0.5, 2, 6, 4));
  EXPECT_THAT(run<Prelu>({}, {src, tensor({1}, {0.5})}).data, ElementsAre(-0.5, 2, -1.5, 4));
  const Tensor ddst = tensor({1, 2, 1, 2}, {1, 10, 100, 1000});
  EXPECT_THAT(run<PreluBackward>({}, {src, tensor({2}, {0.5, -2}), ddst}).data, ElementsAre(0.5, 10, -200, 1000));
  EXPECT_THAT(run<PreluBackwardSlope>({}, {src, ddst}).data, ElementsAre(-1, -300));
  EXPECT_THAT(run<PreluBackwardSlope>({.shared = true}, {src, ddst}).data, ElementsAre(-301));
}

TEST(Prelu, GradientsMatchDifferences) {
  expect_gradient<Prelu>({}, {{3, 17}, {17}});
  expect_gradient<Prelu>({}, {{3, 17}, {1}});
  expect_gradient<Prelu>({}, {{2, 5, 3, 4}, {5}});
  expect_gradient<Prelu>({}, {{2, 5, 3, 4}, {1}});
}

TEST(Prelu, SaysExpectedAndGot) {
  EXPECT_EQ(refusal<Prelu>({}, {f32({2, 3}), f32({2})}), "prelu: slope: expected f32[1] or f32[3], got f32[2]");
  EXPECT_EQ(refusal<Prelu>({}, {f32({2}), f32({1})}), "prelu: src: expected 2 to 6 dims, got f32[2]");
  EXPECT_EQ(refusal<PreluBackward>({}, {f32({2, 3}), f32({1}), f32({3, 2})}),
            "prelu_backward: ddst: expected f32[2,3], got f32[3,2]");
  EXPECT_EQ(refusal<PreluBackwardSlope>({}, {f32({2, 3})}),
            "prelu_backward_slope: expected 2 operands (src, ddst), got 1");
}

TEST(Rrelu, DrawsReciprocalsAsThePaperHasThem) {
  const int64_t count = 100000;
  const Tensor src = tensor({count / 10, 10}, std::vector<double>(count, -1));
  const auto statistics = [&](const Rrelu::Attributes& attributes) {
    double sum = 0, least = 1e9, most = 0;
    for (double y : run<Rrelu>(attributes, {src}).data) {
      sum -= y;
      least = std::min(least, -y);
      most = std::max(most, -y);
    }
    return std::array{sum / count, least, most};
  };
  const auto [mean, least, most] = statistics({.stream = {5}});
  EXPECT_NEAR(mean, std::log(8.0 / 3) / 5, 5 * 0.06 / std::sqrt(count)); // the mean of 1 / U(3,8), not the test slope
  EXPECT_NEAR(least, 1.0 / 8, 1e-4);
  EXPECT_NEAR(most, 1.0 / 3, 1e-4);
  EXPECT_GE(least, 1.0 / 8);
  EXPECT_LE(most, 1.0 / 3);
  const auto even = statistics({.lower = 0.25, .upper = 0.75, .mode = RreluMode::uniform, .stream = {5}});
  EXPECT_NEAR(even[0], 0.5, 5 * 0.15 / std::sqrt(count));
  EXPECT_NEAR(even[1], 0.25, 1e-4);
  EXPECT_NEAR(even[2], 0.75, 1e-4);
}

TEST(Rrelu, IsTestedWithAFixedSlope) {
  EXPECT_DOUBLE_EQ(Rrelu::test_slope({}), 2.0 / 11);
  EXPECT_DOUBLE_EQ(Rrelu::test_slope({.lower = 0.25, .upper = 0.75, .mode = RreluMode::uniform}), 0.5);
}

TEST(Rrelu, DrawsByElementInChannelsLastOrderAndAgainInBackward) {
  const uint64_t seed = 21, step = 9, stream = 77;
  const Rrelu::Attributes attributes{.stream = {stream}};
  const Tensor src = tensor({2, 3, 2, 2}, std::vector<double>(24, -1));
  const Tensor dst = run<Rrelu>(attributes, {src}, seed, step);
  const Tensor dsrc = run<RreluBackward>({.stream = {stream}}, {dst, src}, seed, step);
  EXPECT_EQ(dsrc.data, dst.data); // the same slopes times -1
  const uint64_t key = random::stream_key(seed, step, stream);
  uint64_t element = 0;
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t pixel = 0; pixel < 4; ++pixel)
      for (int64_t c = 0; c < 3; ++c, ++element) {
        const double u = random::uniform(random::draw(key, element));
        EXPECT_DOUBLE_EQ(dst[(n * 3 + c) * 4 + pixel], -1 / (3 + 5 * u));
      }
  EXPECT_NE(run<Rrelu>(attributes, {src}, seed, step + 1).data, dst.data);
  EXPECT_THAT(run<Rrelu>(attributes, {tensor({1, 2}, {3, 0})}).data, ElementsAre(3, 0));
}

TEST(Rrelu, GradientMatchesDifferences) {
  expect_gradient<Rrelu>({.stream = {3}}, {{3, 17}});
  expect_gradient<Rrelu>({.lower = 0.2, .upper = 0.5, .mode = RreluMode::uniform, .stream = {3}}, {{2, 5, 3, 3}});
}

TEST(Rrelu, RefusesBoundsThatMayGiveNoSlope) {
  const std::vector<TensorType> src = {f32({2, 3})};
  EXPECT_EQ(refusal<Rrelu>({.lower = 0}, src),
            "rrelu: lower and upper: expected 0 < lower <= upper, finite, got 0 and 8");
  EXPECT_EQ(refusal<Rrelu>({.upper = 2}, src),
            "rrelu: lower and upper: expected 0 < lower <= upper, finite, got 3 and 2");
  EXPECT_EQ(refusal<RreluBackward>({.upper = 1e300}, {f32({2, 3}), f32({2, 3})}),
            "rrelu_backward: lower and upper: expected 0 < lower <= upper, finite, got 3 and 1e+300");
  EXPECT_EQ(refusal<Rrelu>({}, {f32({1, 1, 1, 1, 1, 1, 2})}),
            "rrelu: src: expected 1 to 6 dims, got f32[1,1,1,1,1,1,2]");
}

TEST(Dropout, DropsWholeChannels) {
  const uint64_t seed = 21, step = 9, stream = 0x99;
  const Dropout::Attributes attributes{.drop = 0.5, .stream = {stream}, .whole_channels = true};
  const Tensor ones = tensor({4, 5, 2, 3}, std::vector<double>(120, 1));
  const Tensor result = run<Dropout>(attributes, {ones}, seed, step);
  const uint64_t key = random::stream_key(seed, step, stream);
  int64_t dropped = 0;
  for (int64_t plane = 0; plane < 20; ++plane) {
    const bool keep = random::uniform(random::draw(key, static_cast<uint64_t>(plane))) >= 0.5F;
    dropped += keep ? 0 : 1;
    for (int64_t pixel = 0; pixel < 6; ++pixel) EXPECT_EQ(result[plane * 6 + pixel], keep ? 2 : 0);
  }
  EXPECT_GT(dropped, 0);
  EXPECT_LT(dropped, 20);
  expect_gradient<Dropout>(attributes, {{2, 5, 3, 3}});
}

} // namespace
} // namespace kiln::ir
