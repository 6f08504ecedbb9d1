// Losses beyond plain softmax cross-entropy, and log-softmax: values worked by hand or by another way than the op's
// own, gradient rules against differences, and what the ops refuse.
#include "ir/all_ops.h"
#include "tests/support/finite_difference.h"
#include "tests/support/run_op.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace kiln::ir {
namespace {

using kiln::test::tensor;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TensorType f32(Dims dims) { return {DType::f32, std::move(dims), {}}; }
TensorType i32(Dims dims) { return {DType::i32, std::move(dims), {}}; }

template <class Op> std::vector<double> run(const typename Op::Attributes& attributes,
                                            const std::vector<Tensor>& operands, const std::vector<TensorType>& types) {
  return test::run_op<Op>(attributes, operands, types).data;
}

// The loss of each sample, for losses of values.
template <class Op> std::vector<double> loss_of(Dims dims, std::vector<double> prediction, std::vector<double> target,
                                                const typename Op::Attributes& attributes = {}) {
  return run<Op>(attributes, {tensor(dims, std::move(prediction)), tensor(dims, std::move(target))},
                 {f32(dims), f32(dims)});
}
// The gradients of sum(loss).
template <class Op> std::vector<double> gradient_of(Dims dims, std::vector<double> prediction,
                                                    std::vector<double> target,
                                                    const typename Op::Attributes& attributes = {}) {
  return run<Op>(attributes,
                 {tensor(dims, std::move(prediction)), tensor(dims, std::move(target)),
                  tensor({dims[0]}, std::vector<double>(static_cast<size_t>(dims[0]), 1))},
                 {f32(dims), f32(dims), f32({dims[0]})});
}

template <class Op> void expect_gradient(const typename Op::Attributes& attributes,
                                         const std::vector<TensorType>& types, const std::vector<Tensor>& values) {
  const auto check = test::check_gradient(info<Op>(), Attributes::of(attributes), types, values);
  EXPECT_LT(check.worst_error, 1e-6) << info<Op>().name << ": " << check.where;
  EXPECT_GT(check.largest_gradient, 1e-3) << info<Op>().name;
  EXPECT_EQ(check.given, (std::vector<bool>{true, false})) << info<Op>().name;
}

template <class Op> void expect_value_gradient(const typename Op::Attributes& attributes = {}) {
  for (const Dims& dims : {Dims{1, 1}, Dims{3, 17}})
    expect_gradient<Op>(attributes, {f32(dims), f32(dims)},
                        {test::random_tensor(dims, 1), test::random_tensor(dims, 2)});
}

template <class Op> void expect_label_gradient(const typename Op::Attributes& attributes = {}) {
  for (const Dims& dims : {Dims{4, 2}, Dims{3, 17}, Dims{7, 10}}) {
    Tensor labels({dims[0]});
    for (int64_t n = 0; n < dims[0]; ++n) labels[n] = static_cast<double>(n * 5 % dims[1]);
    expect_gradient<Op>(attributes, {f32(dims), i32({dims[0]})}, {test::random_tensor(dims, 3), labels});
  }
}

template <class Op> std::string refusal(const typename Op::Attributes& attributes, std::vector<TensorType> operands) {
  try {
    Op::infer(attributes, operands);
  } catch (const TypeError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(MeanSquaredError, IsTheMeanOfSquares) {
  EXPECT_THAT(loss_of<MeanSquaredError>({2, 2}, {1, 2, 3, -1}, {0, 4, 3, 1}), ElementsAre(2.5, 2));
  EXPECT_THAT(gradient_of<MeanSquaredErrorBackward>({2, 2}, {1, 2, 3, -1}, {0, 4, 3, 1}), ElementsAre(1, -2, 0, -2));
  expect_value_gradient<MeanSquaredError>();
}

TEST(L1, IsTheMeanDistance) {
  EXPECT_THAT(loss_of<L1>({2, 2}, {1, 2, 3, -1}, {0, 4, 3, 1}), ElementsAre(1.5, 1));
  EXPECT_THAT(gradient_of<L1Backward>({2, 2}, {1, 2, 3, -1}, {0, 4, 3, 1}), ElementsAre(0.5, -0.5, 0, -0.5));
  EXPECT_TRUE(std::isnan(gradient_of<L1Backward>({1, 1}, {kNaN}, {0})[0]));
  expect_value_gradient<L1>();
}

TEST(Huber, IsASquareThatGoesOnAsALine) {
  // d = 1, -2, 0.5: with delta 1 the ends meet at 1/2 with slope 1.
  EXPECT_THAT(loss_of<Huber>({3, 1}, {1, 2, 0.5}, {0, 4, 0}), ElementsAre(0.5, 1.5, 0.125));
  EXPECT_THAT(gradient_of<HuberBackward>({3, 1}, {1, 2, 0.5}, {0, 4, 0}), ElementsAre(1, -1, 0.5));
  EXPECT_THAT(loss_of<Huber>({2, 1}, {1, 3}, {0, 0}, {.delta = 2}), ElementsAre(0.5, 4));
  expect_value_gradient<Huber>();
  expect_value_gradient<Huber>({.delta = 0.2});
  EXPECT_EQ(refusal<Huber>({.delta = 0}, {f32({2, 3}), f32({2, 3})}),
            "huber: delta: expected finite and above 0, got 0");
}

TEST(SigmoidCrossEntropy, IsTheMeanOfBinaryCrossEntropies) {
  const double x = std::log(3.0); // sigmoid(x) = 3/4
  EXPECT_THAT(loss_of<SigmoidCrossEntropy>({3, 1}, {x, x, x}, {1, 0, 0.5}),
              Pointwise(DoubleNear(1e-15), {-std::log(0.75), -std::log(0.25), -std::log(0.75 * 0.25) / 2}));
  EXPECT_THAT(gradient_of<SigmoidCrossEntropyBackward>({1, 2}, {x, x}, {1, 0}),
              Pointwise(DoubleNear(1e-15), {-0.125, 0.375}));
  EXPECT_THAT(loss_of<SigmoidCrossEntropy>({4, 1}, {1e30, 1e30, -1e30, -1e30}, {1, 0, 1, 0}),
              ElementsAre(0, 1e30, 1e30, 0));
  EXPECT_NEAR(loss_of<SigmoidCrossEntropy>({1, 1}, {40}, {1})[0], std::exp(-40.0), 1e-25);
  expect_value_gradient<SigmoidCrossEntropy>();
}

TEST(SigmoidCrossEntropy, WeighsWhatIsThere) {
  // Probabilities 3/4 and 1/4, weight 3: -w t log(p) - (1 - t) log(1 - p), by its definition.
  const double x = std::log(3.0), w = 3;
  EXPECT_THAT(loss_of<SigmoidCrossEntropy>({3, 1}, {x, -x, x}, {1, 1, 0.25}, {.pos_weight = w}),
              Pointwise(DoubleNear(1e-15), {-w * std::log(0.75), -w * std::log(0.25),
                                            -w * 0.25 * std::log(0.75) - 0.75 * std::log(0.25)}));
  expect_value_gradient<SigmoidCrossEntropy>({.pos_weight = 3});
}

TEST(MeanLosses, TakeAnyDims) {
  EXPECT_THAT(run<MeanSquaredError>({}, {tensor({1, 1, 2, 2}, {1, 2, 3, 4}), tensor({1, 1, 2, 2}, {1, 0, 3, 0})},
                                    {f32({1, 1, 2, 2}), f32({1, 1, 2, 2})}),
              ElementsAre(5));
}

TEST(MeanLosses, SayExpectedAndGot) {
  EXPECT_EQ(refusal<MeanSquaredError>({}, {f32({2, 3}), f32({2, 4})}),
            "mean_squared_error: target: expected f32[2,3], got f32[2,4]");
  EXPECT_EQ(refusal<L1>({}, {f32({2})}), "l1: expected 2 operands (prediction, target), got 1");
  EXPECT_EQ(refusal<SigmoidCrossEntropy>({.pos_weight = 0}, {f32({2, 3}), f32({2, 3})}),
            "sigmoid_cross_entropy: pos_weight: expected finite and above 0, got 0");
  EXPECT_EQ(refusal<HuberBackward>({}, {f32({2, 3}), f32({2, 3}), f32({3})}),
            "huber_backward: dloss: expected f32[2], got f32[3]");
}

std::vector<double> hinge_of(Dims dims, std::vector<double> logits, std::vector<double> labels,
                             const MultiClassHinge::Attributes& attributes = {}) {
  const Dims rows = {dims[0]};
  return run<MultiClassHinge>(attributes, {tensor(dims, std::move(logits)), tensor(rows, std::move(labels))},
                              {f32(dims), i32(rows)});
}

TEST(MultiClassHinge, SumsWhatIsMissingOfTheMargin) {
  // The worked example of the course that the loss is taught with: scores of cat, car and frog.
  const std::vector<double> scores = {3.2, 5.1, -1.7, 1.3, 4.9, 2.0, 2.2, 2.5, -3.1};
  EXPECT_THAT(hinge_of({3, 3}, scores, {0, 1, 2}), Pointwise(DoubleNear(1e-12), {2.9, 0.0, 12.9}));
  EXPECT_THAT(hinge_of({3, 3}, scores, {0, 1, 2}, {.norm = HingeNorm::l2}),
              Pointwise(DoubleNear(1e-12), {2.9 * 2.9, 0.0, 6.3 * 6.3 + 6.6 * 6.6}));
  EXPECT_THAT(hinge_of({1, 2}, {1, 0}, {0}, {.margin = 3}), ElementsAre(2));
}

TEST(MultiClassHinge, GradientsMatchDifferencesAndAddUpToZero) {
  expect_label_gradient<MultiClassHinge>();
  expect_label_gradient<MultiClassHinge>({.norm = HingeNorm::l2});
  const auto gradient = run<MultiClassHingeBackward>(
      {}, {tensor({1, 4}, {0, 0.5, -2, 0.25}), tensor({1}, {0}), tensor({1}, {3})}, {f32({1, 4}), i32({1}), f32({1})});
  EXPECT_THAT(gradient, ElementsAre(-6, 3, 0, 3));
}

TEST(MultiClassHinge, ALabelThatIsNoClassGivesNaN) {
  const auto loss = hinge_of({3, 2}, {1, 2, 3, 4, 5, 6}, {-1, 1, 2});
  EXPECT_TRUE(std::isnan(loss[0]) && std::isnan(loss[2]));
  EXPECT_EQ(loss[1], 0);
  EXPECT_EQ(refusal<MultiClassHinge>({.margin = 0}, {f32({2, 3}), i32({2})}),
            "multi_class_hinge: margin: expected finite and above 0, got 0");
  EXPECT_EQ(refusal<MultiClassHinge>({}, {f32({2, 3}), f32({2})}),
            "multi_class_hinge: labels: expected i32[2], got f32[2]");
}

TEST(LabelSmoothing, MixesTheLabelWithAllClasses) {
  const double s = 0.3;
  const Dims dims = {2, 3};
  const Tensor logits = tensor(dims, {0, std::log(2.0), std::log(5.0), 1, 1, 1});
  const std::vector<TensorType> types = {f32(dims), i32({2})};
  const auto loss = run<SoftmaxCrossEntropy>({.label_smoothing = s}, {logits, tensor({2}, {1, 0})}, types);
  // Against -sum of wanted * log(probability); probabilities 1/8, 2/8, 5/8 and thirds.
  const double first = -(1 - s) * std::log(0.25) - s / 3 * (std::log(0.125) + std::log(0.25) + std::log(0.625));
  EXPECT_THAT(loss, Pointwise(DoubleNear(1e-15), {first, std::log(3.0)}));
  const auto gradient = run<SoftmaxCrossEntropyBackward>(
      {.label_smoothing = s}, {logits, tensor({2}, {1, 0}), tensor({2}, {1, 2})}, {f32(dims), i32({2}), f32({2})});
  EXPECT_THAT(gradient, Pointwise(DoubleNear(1e-15), {0.125 - 0.1, 0.25 - 0.8, 0.625 - 0.1, 2 * (1.0 / 3 - 0.8),
                                                      2 * (1.0 / 3 - 0.1), 2 * (1.0 / 3 - 0.1)}));
  expect_label_gradient<SoftmaxCrossEntropy>({.label_smoothing = 0.1});
  EXPECT_EQ(refusal<SoftmaxCrossEntropy>({.label_smoothing = 1}, types),
            "softmax_cross_entropy: label_smoothing: expected at least 0 and less than 1, got 1");
}

TEST(LogSoftmax, KeepsWhatTheLogarithmOfSoftmaxLoses) {
  const auto of = [](Dims dims, std::vector<double> x) {
    return run<LogSoftmax>({}, {tensor(dims, std::move(x))}, {f32(dims)});
  };
  EXPECT_THAT(of({1, 3}, {0, std::log(2.0), std::log(5.0)}),
              Pointwise(DoubleNear(1e-15), {std::log(0.125), std::log(0.25), std::log(0.625)}));
  EXPECT_THAT(of({2, 2}, {1e30, 0, -2000, 0}), ElementsAre(0, -1e30, -2000, 0));
  for (const Dims& dims : {Dims{1, 2}, Dims{3, 17}, Dims{7, 10}}) {
    const auto check = test::check_gradient(info<LogSoftmax>(), Attributes::of(LogSoftmax::Attributes{}), {f32(dims)},
                                            {test::random_tensor(dims, 5)});
    EXPECT_LT(check.worst_error, 1e-6) << check.where;
  }
}

TEST(PickClass, TakesTheValueOfTheLabel) {
  const Dims dims = {4, 3};
  const Tensor src = tensor(dims, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const std::vector<TensorType> types = {f32(dims), i32({4})};
  const auto picked = run<PickClass>({}, {src, tensor({4}, {2, 0, -1, 3})}, types);
  EXPECT_EQ(picked[0], 3);
  EXPECT_EQ(picked[1], 4);
  EXPECT_TRUE(std::isnan(picked[2]));
  EXPECT_TRUE(std::isnan(picked[3]));
  // A class, and a label that is none.
  EXPECT_THAT(run<PickClass>({.ignores = true, .ignored_label = 0}, {src, tensor({4}, {2, 0, 1, 0})}, types),
              ElementsAre(3, 0, 8, 0));
  EXPECT_EQ(run<PickClass>({.ignores = true, .ignored_label = -1}, {src, tensor({4}, {2, 0, -1, 1})}, types)[2], 0);
  PickClassBackward::Attributes backward{{.ignores = true, .ignored_label = 1}, 3};
  EXPECT_THAT(run<PickClassBackward>(backward, {tensor({2}, {1, 2}), tensor({2}, {5, 7})}, {i32({2}), f32({2})}),
              ElementsAre(0, 0, 0, 0, 0, 7));
  expect_label_gradient<PickClass>();
  expect_label_gradient<PickClass>({.ignores = true, .ignored_label = 0});
}

TEST(PickClass, RefusesWhatIsNoRowOfClasses) {
  EXPECT_EQ(refusal<PickClass>({}, {f32({2, 3, 4}), i32({2})}), "pick_class: src: expected rank 2, got f32[2,3,4]");
  EXPECT_EQ(refusal<PickClass>({}, {f32({2, 3}), f32({2})}), "pick_class: labels: expected i32[2], got f32[2]");
  EXPECT_EQ(refusal<PickClass>({}, {f32({2, 3})}), "pick_class: expected 2 operands (src, labels), got 1");
  EXPECT_EQ(refusal<PickClass>({.ignores = true, .ignored_label = int64_t{1} << 40}, {f32({2, 3}), i32({2})}),
            "pick_class: ignored_label: expected a value of i32, got 1099511627776");
  EXPECT_EQ(refusal<PickClassBackward>({{}, 0}, {i32({2}), f32({2})}),
            "pick_class_backward: classes: expected sizes of at least 1 and less than 2^40 elements, got [2,0]");
}

} // namespace
} // namespace kiln::ir
