// The activations beyond rectifier, sigmoid and tanh: values worked by hand or by another way than the op's own,
// gradient rules against differences, and what the ops refuse.
#include "ir/all_ops.h"
#include "tests/support/finite_difference.h"

#include <array>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace kiln::ir {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class Op> double at(double x, const typename Op::Attributes& attributes = {}) {
  return Op::template formula<double>(attributes, x);
}
template <class Op> double at(double x, double dy, const typename Op::Attributes& attributes) {
  return Op::template formula<double>(attributes, x, dy);
}

template <class Op> std::string refusal(const typename Op::Attributes& attributes) {
  try {
    Op::infer(attributes, std::vector<TensorType>(Op::arity, TensorType{DType::f32, {2}, {}}));
  } catch (const TypeError& error) {
    return error.what();
  }
  return "accepted";
}

// Over many points: float agrees with double, NaN passes, and the gradient rule with differences.
template <class Op> void expect_sound(const typename Op::Attributes& attributes, double scale) {
  const std::string op(info<Op>().name);
  EXPECT_TRUE(std::isnan(at<Op>(kNaN, attributes))) << op;
  EXPECT_TRUE(std::isnan(Op::template formula<float>(attributes, std::numeric_limits<float>::quiet_NaN()))) << op;
  for (float x = -12; x < 12; x += 0.037F) {
    const double reference = at<Op>(x, attributes);
    EXPECT_NEAR(Op::template formula<float>(attributes, x), reference, 1e-6 * std::max(1.0, std::fabs(reference)))
        << op << "(" << x << ")";
  }
  const TensorType type{DType::f32, {5, 31}, {}};
  Tensor x = test::random_tensor(type.dims, 3);
  for (double& value : x.data) value *= scale;
  const auto check = test::check_gradient(info<Op>(), Attributes::of(attributes), {type}, {x});
  EXPECT_LT(check.worst_error, 1e-6) << op << ": " << check.where;
  EXPECT_GT(check.largest_gradient, 1e-2) << op;
}

TEST(Activations, AreSound) {
  expect_sound<Clip>({.min = -0.7, .max = 1.2}, 2);
  expect_sound<Clip>({.min = 0, .max = 6}, 8);
  expect_sound<Clip>({.min = -1}, 2);
  expect_sound<Selu>({}, 4);
  expect_sound<Gelu>({}, 4);
  expect_sound<Silu>({}, 8);
  expect_sound<HardSwish>({}, 5);
  expect_sound<HardSigmoid>({}, 5);
  expect_sound<HardSigmoid>({.alpha = 0.2, .beta = 0.4}, 5);
  expect_sound<Softplus>({}, 8);
}

TEST(Clip, KeepsBetweenItsBounds) {
  const Clip::Attributes relu6{.min = 0, .max = 6};
  EXPECT_EQ(at<Clip>(-1, relu6), 0);
  EXPECT_EQ(at<Clip>(2.5, relu6), 2.5);
  EXPECT_EQ(at<Clip>(kInfinity, relu6), 6);
  EXPECT_EQ(at<Clip>(-1e30), -1e30);
  EXPECT_EQ(at<Clip>(0, {.min = 0.1}), double{0.1F}); // as emitted code sees the bound
  // No gradient outside, nor on a bound.
  const ClipBackward::Attributes back{.min = 0, .max = 6};
  EXPECT_EQ(at<ClipBackward>(0, 3, back), 0);
  EXPECT_EQ(at<ClipBackward>(6, 3, back), 0);
  EXPECT_EQ(at<ClipBackward>(5, 3, back), 3);
}

TEST(Clip, RefusesBoundsWithNothingBetween) {
  EXPECT_EQ(refusal<Clip>({.min = 1, .max = 1}), "clip: min: expected less than max, 1, got 1");
  EXPECT_EQ(refusal<Clip>({.min = kNaN, .max = 1}), "clip: min: expected less than max, 1, got nan");
  EXPECT_EQ(refusal<ClipBackward>({.min = 2, .max = 1}), "clip_backward: min: expected less than max, 1, got 2");
  // Two doubles that are one float.
  EXPECT_NE(refusal<Clip>({.min = 1, .max = 1 + 1e-12}), "accepted");
}

TEST(Selu, HasTheFixedPointItIsMadeFor) {
  EXPECT_DOUBLE_EQ(at<Selu>(2), 2 * 1.0507009873554804934);
  EXPECT_NEAR(at<Selu>(-std::log(2.0)), -0.5 * 1.7580993408473766, 1e-15);
  EXPECT_NEAR(at<Selu>(-1e-12), -1e-12 * 1.7580993408473766, 1e-24);
  EXPECT_NEAR(at<Selu>(-kInfinity), -1.7580993408473766, 1e-15);
  // Of a normal variable: mean 0 and mean square 1, by the midpoint rule.
  double mean = 0, square = 0;
  for (double x = -12 + 5e-4; x < 12; x += 1e-3) {
    const double weight = std::exp(-x * x / 2) / std::sqrt(2 * M_PI) * 1e-3, y = at<Selu>(x);
    mean += weight * y;
    square += weight * y * y;
  }
  EXPECT_NEAR(mean, 0, 1e-6);
  EXPECT_NEAR(square, 1, 1e-6);
}

TEST(Gelu, IsTheExactForm) {
  EXPECT_EQ(at<Gelu>(0), 0);
  EXPECT_NEAR(at<Gelu>(1), 0.8413447460685429, 1e-15);
  EXPECT_NEAR(at<Gelu>(-1), -0.15865525393145705, 1e-15);
  EXPECT_NEAR(at<Gelu>(-10), -10 * 7.619853024160527e-24, 1e-36);
  EXPECT_EQ(at<Gelu>(1e10), 1e10);
  EXPECT_NEAR(at<GeluBackward>(1, 2, {}), 2 * (0.8413447460685429 + 0.24197072451914337), 1e-15);
}

TEST(Silu, HasItsKnownValues) {
  EXPECT_NEAR(at<Silu>(std::log(3.0)), 0.75 * std::log(3.0), 1e-15);
  EXPECT_NEAR(at<Silu>(-std::log(3.0)), -0.25 * std::log(3.0), 1e-15);
  EXPECT_EQ(at<Silu>(1e4), 1e4);
  EXPECT_EQ(at<SiluBackward>(0, 4, {}), 2);
}

TEST(HardSwish, IsQuadraticBetweenThreeAndMinusThree) {
  EXPECT_EQ(at<HardSwish>(-4), 0);
  EXPECT_EQ(at<HardSwish>(4), 4);
  EXPECT_NEAR(at<HardSwish>(1), 4.0 / 6, 1e-15);
  EXPECT_NEAR(at<HardSwish>(-1), -2.0 / 6, 1e-15);
  EXPECT_EQ(at<HardSwishBackward>(-3, 2, {}), 0);
  EXPECT_EQ(at<HardSwishBackward>(3, 2, {}), 2);
  EXPECT_EQ(at<HardSwishBackward>(0, 2, {}), 1);
}

TEST(HardSigmoid, IsALineBetweenZeroAndOne) {
  EXPECT_EQ(at<HardSigmoid>(0), 0.5);
  EXPECT_EQ(at<HardSigmoid>(-3.5), 0);
  EXPECT_EQ(at<HardSigmoid>(100), 1);
  EXPECT_NEAR(at<HardSigmoid>(1.5), 0.75, 1e-15);
  EXPECT_NEAR(at<HardSigmoid>(1, {.alpha = 0.2}), 0.7, 1e-15);
  EXPECT_EQ(at<HardSigmoidBackward>(1, 6, {}), 0);
  EXPECT_EQ(at<HardSigmoidBackward>(0.5, 6, {}), 1);
  EXPECT_EQ(refusal<HardSigmoid>({.alpha = 0}), "hard_sigmoid: alpha: expected finite and above 0, got 0");
  EXPECT_EQ(refusal<HardSigmoid>({.beta = kInfinity}), "hard_sigmoid: beta: expected a finite value, got inf");
}

TEST(Softplus, NeitherOverflowsNorLosesSmallResults) {
  EXPECT_NEAR(at<Softplus>(0), std::log(2.0), 1e-15);
  EXPECT_EQ(at<Softplus>(1e30), 1e30);
  EXPECT_NEAR(at<Softplus>(-40), std::exp(-40.0), 1e-30);
  EXPECT_NEAR(Softplus::formula<float>({}, -40.0F), std::exp(-40.0), 1e-23);
  EXPECT_EQ(Softplus::formula<float>({}, 1e30F), 1e30F);
  // From the result: 1 - exp(-y) is the sigmoid.
  EXPECT_NEAR(at<SoftplusBackward>(at<Softplus>(-40), 1, {}), 1 / (1 + std::exp(40.0)), 1e-30);
}

// What keeps the operand alive in training, and so keeps a kernel from fusing the activation.
TEST(Activations, TakeTheirGradientFromTheResultWherePossible) {
  const auto from_result = [](const OpInfo& op) {
    const TensorType type{DType::f32, {2, 3}, {}};
    test::detail::OneOp one(op, op.make_attributes(), {type});
    one.differentiate();
    const Node& backward = *one.function().nodes().back();
    return &backward.operand(0) == &one.node().result();
  };
  for (const char* op : {"clip", "selu", "hard_sigmoid", "softplus"}) EXPECT_TRUE(from_result(*find_op(op))) << op;
  for (const char* op : {"gelu", "silu", "hard_swish"}) EXPECT_FALSE(from_result(*find_op(op))) << op;
}

} // namespace
} // namespace kiln::ir
