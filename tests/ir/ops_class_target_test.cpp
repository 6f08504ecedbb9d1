// Losses and metrics of classifiers with weights, ignored labels, distributions and positions: values from PyTorch's
// definitions written out another way, and what ties and NaN mean.
#include "ir/all_ops.h"
#include "tests/support/finite_difference.h"
#include "tests/support/run_op.h"

#include <cmath>
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

// log of the softmax of three logits whose probabilities are 1/8, 2/8, 5/8, and of three equal ones.
const std::vector<double> kLogits = {0, std::log(2.0), std::log(5.0), 1, 1, 1};
const double kLog[2][3] = {{std::log(0.125), std::log(0.25), std::log(0.625)},
                           {-std::log(3.0), -std::log(3.0), -std::log(3.0)}};

std::vector<TensorType> types_of(const std::vector<Tensor>& operands, bool labels) {
  std::vector<TensorType> types;
  for (size_t i = 0; i < operands.size(); ++i)
    types.push_back(labels && i == 1 ? i32(operands[i].dims) : f32(operands[i].dims));
  return types;
}

std::vector<double> loss_of(const SoftmaxCrossEntropy::Attributes& attributes, const std::vector<Tensor>& operands,
                            bool labels = true) {
  return run<SoftmaxCrossEntropy>(attributes, operands, types_of(operands, labels));
}

TEST(ClassWeights, FollowPyTorchsDefinition) {
  // cross_entropy(weight=w): -w[y] log p[y], divided by the sum of w[y]. Smoothed: (1 - s) of that plus s / C of
  // -sum of w[c] log p[c], divided by the same sum.
  const std::vector<double> w = {1, 2, 0.5};
  const std::vector<Tensor> operands = {tensor({2, 3}, kLogits), tensor({2}, {1, 2}), tensor({3}, w)};
  EXPECT_THAT(loss_of({}, operands), Pointwise(DoubleNear(1e-15), {-2 * kLog[0][1], -0.5 * kLog[1][2]}));
  const double s = 0.3;
  double all[2] = {};
  for (int n = 0; n < 2; ++n)
    for (int c = 0; c < 3; ++c) all[n] -= w[static_cast<size_t>(c)] * kLog[n][c];
  EXPECT_THAT(loss_of({.label_smoothing = s}, operands),
              Pointwise(DoubleNear(1e-15),
                        {-(1 - s) * 2 * kLog[0][1] + s / 3 * all[0], -(1 - s) * 0.5 * kLog[1][2] + s / 3 * all[1]}));
  const auto weight = run<LabelWeight>({}, {operands[1], operands[2]}, {i32({2}), f32({3})});
  EXPECT_THAT(weight, ElementsAre(2, 0.5));
  EXPECT_THAT(run<WeightedMean>({}, {tensor({2}, {5, 1.25}), tensor({2}, weight)}, {f32({2}), f32({2})}),
              ElementsAre(2.5));
}

TEST(Distributions, AreWhatIsWanted) {
  // PyTorch with probabilities: -sum of w[c] q[c] log p[c], no weight in the divisor.
  const std::vector<double> q = {0.2, 0.3, 0.5, 1, 0, 0};
  EXPECT_THAT(loss_of({}, {tensor({2, 3}, kLogits), tensor({2, 3}, q)}, false),
              Pointwise(DoubleNear(1e-15), {-0.2 * kLog[0][0] - 0.3 * kLog[0][1] - 0.5 * kLog[0][2], -kLog[1][0]}));
  EXPECT_THAT(loss_of({}, {tensor({2, 3}, kLogits), tensor({2, 3}, q), tensor({3}, {1, 2, 0.5})}, false),
              Pointwise(DoubleNear(1e-15), {-0.2 * kLog[0][0] - 0.6 * kLog[0][1] - 0.25 * kLog[0][2], -kLog[1][0]}));
  // A class that is not wanted may be impossible.
  EXPECT_NEAR(loss_of({}, {tensor({1, 2}, {0, -INFINITY}), tensor({1, 2}, {1, 0})}, false)[0], 0, 1e-15);
}

TEST(Distributions, NeedNotAddUpToOne) {
  // The loss is linear in what is wanted; so is its gradient, (sum of q) p - q. Smoothing mixes in s / C whatever the
  // sum.
  const Tensor logits = tensor({1, 3}, {kLogits[0], kLogits[1], kLogits[2]});
  const Tensor share = tensor({1, 3}, {0.5, 2, 0.25});
  EXPECT_THAT(loss_of({}, {logits, share}, false),
              Pointwise(DoubleNear(1e-15), {-0.5 * kLog[0][0] - 2 * kLog[0][1] - 0.25 * kLog[0][2]}));
  EXPECT_THAT(
      run<SoftmaxCrossEntropyBackward>({}, {logits, share, tensor({1}, {1})}, {f32({1, 3}), f32({1, 3}), f32({1})}),
      Pointwise(DoubleNear(1e-15), {2.75 / 8 - 0.5, 2.75 / 4 - 2, 2.75 * 5 / 8 - 0.25}));
  EXPECT_THAT(loss_of({.label_smoothing = 0.3}, {logits, tensor({1, 3}, {0, 0, 0})}, false),
              Pointwise(DoubleNear(1e-15), {-0.1 * (kLog[0][0] + kLog[0][1] + kLog[0][2])}));
  EXPECT_THAT(loss_of({}, {logits, tensor({1, 3}, {0, 0, 0})}, false), ElementsAre(0));
}

TEST(Positions, AddUpInTheirSample) {
  // Logits [1,3,2]: the positions' are the columns.
  const Tensor logits = tensor({1, 3, 2}, {kLogits[0], kLogits[3], kLogits[1], kLogits[4], kLogits[2], kLogits[5]});
  EXPECT_THAT(loss_of({}, {logits, tensor({1, 2}, {1, 0})}), Pointwise(DoubleNear(1e-15), {-kLog[0][1] - kLog[1][0]}));
  const IgnoredLabel ignored{true, 255};
  EXPECT_THAT(loss_of({.ignored = ignored}, {logits, tensor({1, 2}, {1, 255})}),
              Pointwise(DoubleNear(1e-15), {-kLog[0][1]}));
  EXPECT_THAT(run<LabelWeight>({ignored}, {tensor({1, 2}, {1, 255})}, {i32({1, 2})}), ElementsAre(1));
  const auto gradient =
      run<SoftmaxCrossEntropyBackward>({.ignored = ignored}, {logits, tensor({1, 2}, {1, 255}), tensor({1}, {2})},
                                       {f32({1, 3, 2}), i32({1, 2}), f32({1})});
  EXPECT_THAT(gradient, Pointwise(DoubleNear(1e-15), {0.25, 0.0, 2 * (0.25 - 1), 0.0, 1.25, 0.0}));
}

TEST(Positions, WhereAllIsIgnoredLossAndGradientAreZero) {
  const IgnoredLabel ignored{true, -100};
  EXPECT_THAT(loss_of({.ignored = ignored}, {tensor({2, 3}, kLogits), tensor({2}, {-100, -100})}), ElementsAre(0, 0));
  EXPECT_THAT(run<WeightedMean>({}, {tensor({2}, {0, 0}), tensor({2}, {0, 0})}, {f32({2}), f32({2})}), ElementsAre(0));
  EXPECT_THAT(run<WeightedMeanBackward>({}, {tensor({2}, {0, 0}), tensor({1}, {1})}, {f32({2}), f32({1})}),
              ElementsAre(0, 0));
  // So it is where all that is met weighs nothing.
  const std::vector<Tensor> weightless = {tensor({2, 3}, kLogits), tensor({2}, {1, 1}), tensor({3}, {1, 0, 1})};
  EXPECT_THAT(loss_of({}, weightless), ElementsAre(0, 0));
  EXPECT_THAT(run<LabelWeight>({}, {weightless[1], weightless[2]}, {i32({2}), f32({3})}), ElementsAre(0, 0));
  // Any other label that is no class is told as NaN.
  EXPECT_TRUE(std::isnan(loss_of({.ignored = ignored}, {tensor({1, 3}, {1, 2, 3}), tensor({1}, {3})})[0]));
}

TEST(Positions, GradientsMatchDifferences) {
  const Dims dims = {2, 3, 2, 2};
  Tensor labels({2, 2, 2});
  for (int64_t i = 0; i < 8; ++i) labels[i] = static_cast<double>(i * 5 % 3);
  const Tensor logits = test::random_tensor(dims, 1);
  const Tensor weights = tensor({3}, {0.5, 2, 1});
  for (const bool distribution : {false, true}) {
    const SoftmaxCrossEntropy::Attributes attributes{.label_smoothing = 0.1, .ignored = {true, 2}};
    const auto check = test::check_gradient(info<SoftmaxCrossEntropy>(), Attributes::of(attributes),
                                            {f32(dims), distribution ? f32(dims) : i32({2, 2, 2}), f32({3})},
                                            {logits, distribution ? test::random_tensor(dims, 2) : labels, weights});
    EXPECT_LT(check.worst_error, 1e-6) << check.where;
    EXPECT_GT(check.largest_gradient, 1e-3);
    EXPECT_EQ(check.given, (std::vector<bool>{true, false, false}));
  }
}

TEST(TopK, CountsWhatComesBeforeTheLabel) {
  // Three rows: the label is third; second by a tie with a lower class; first by a tie with a higher one.
  const Tensor logits = tensor({3, 4}, {1, 4, 3, 2, 5, 5, 1, 1, 5, 5, 1, 1});
  const Tensor labels = tensor({3}, {3, 1, 0});
  const std::vector<TensorType> types = {f32({3, 4}), i32({3})};
  EXPECT_THAT(run<TopK>({.k = 1}, {logits, labels}, types), ElementsAre(0, 0, 1));
  EXPECT_THAT(run<TopK>({.k = 2}, {logits, labels}, types), ElementsAre(0, 1, 1));
  EXPECT_THAT(run<TopK>({.k = 3}, {logits, labels}, types), ElementsAre(1, 1, 1));
  EXPECT_THAT(run<TopK>({.k = 9, .ignored = {true, 1}}, {logits, labels}, types), ElementsAre(1, 0, 1));
}

TEST(TopK, ANaNNeverCountsAsCorrect) {
  const Tensor logits = tensor({3, 3}, {kNaN, 2, 1, kNaN, 2, 1, kNaN, kNaN, kNaN});
  const Tensor labels = tensor({3}, {0, 1, 1});
  const std::vector<TensorType> types = {f32({3, 3}), i32({3})};
  EXPECT_THAT(run<TopK>({.k = 1}, {logits, labels}, types), ElementsAre(0, 0, 0));
  EXPECT_THAT(run<TopK>({.k = 2}, {logits, labels}, types), ElementsAre(0, 1, 0));
  EXPECT_THAT(run<TopK>({.k = 3}, {logits, labels}, types), ElementsAre(0, 1, 0));
}

TEST(TopK, CountsPositions) {
  // Positions choose classes 1, 0, 1.
  const Tensor logits = tensor({1, 2, 3}, {1, 2, 3, 2, 1, 4});
  EXPECT_THAT(run<TopK>({}, {logits, tensor({1, 3}, {1, 0, 0})}, {f32({1, 2, 3}), i32({1, 3})}), ElementsAre(2));
}

TEST(Argmax, IsTheFirstLargestAndNoneOfNaN) {
  EXPECT_THAT(run<Argmax>({}, {tensor({4, 3}, {1, 3, 2, 3, 1, 3, 1, kNaN, 2, kNaN, 1, 2})}, {f32({4, 3})}),
              ElementsAre(1, 0, -1, -1));
  EXPECT_THAT(run<Argmax>({}, {tensor({1, 2, 3}, {1, 2, 3, 2, 1, 4})}, {f32({1, 2, 3})}), ElementsAre(1, 0, 1));
}

TEST(WeightedSum, AddsUp) {
  EXPECT_THAT(run<WeightedSum>({.weight = {0.5, -2}}, {tensor({2}, {2, 4}), tensor({2}, {1, 1})}, {f32({2}), f32({2})}),
              ElementsAre(-1, 0));
}

} // namespace
} // namespace kiln::ir
