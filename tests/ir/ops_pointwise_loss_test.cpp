// The ops of ir/ops/ other than convolution, pooling and dense: values, gradient rules and their shape files.
// Expectations are worked by hand, or by another way than the op's own. What the ops refuse: ops_refusals_test.cpp.
#include "ir/all_ops.h"
#include "ir/text.h"
#include "tests/support/finite_difference.h"

#include <array>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <sstream>

namespace kiln::ir {
namespace {

using testing::DoubleEq;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TensorType f32(Dims dims) { return {DType::f32, std::move(dims), {}}; }
TensorType i32(Dims dims) { return {DType::i32, std::move(dims), {}}; }
TensorType u8(Dims dims) { return {DType::u8, std::move(dims), {}}; }

Tensor tensor(Dims dims, std::vector<double> data) {
  Tensor made(std::move(dims));
  EXPECT_EQ(made.data.size(), data.size());
  made.data = std::move(data);
  return made;
}

// An op's reference on tensors, which are f32 as far as its shape rule is concerned, unless types are given.
template <class Op> Tensor run(const typename Op::Attributes& attributes, const std::vector<Tensor>& operands,
                               std::vector<TensorType> types = {}, uint64_t seed = 0, uint64_t step = 0) {
  if (types.empty())
    for (const Tensor& operand : operands) types.push_back(f32(operand.dims));
  Tensor result(Op::infer(attributes, types).at(0).dims);
  EvaluationFrame frame;
  for (const Tensor& operand : operands) frame.operands.push_back(&operand);
  frame.writable.resize(operands.size());
  frame.results = {&result};
  frame.seed = seed;
  frame.step = step;
  Op::evaluate(attributes, frame);
  return result;
}

template <class Op> std::vector<double> apply(const typename Op::Attributes& attributes, std::vector<double> x) {
  const auto size = static_cast<int64_t>(x.size());
  return run<Op>(attributes, {tensor({size}, std::move(x))}).data;
}

template <class Op>
std::vector<double> apply(const typename Op::Attributes& attributes, std::vector<double> y, std::vector<double> dy) {
  const auto size = static_cast<int64_t>(y.size());
  return run<Op>(attributes, {tensor({size}, std::move(y)), tensor({size}, std::move(dy))}).data;
}

template <class Op> void expect_gradient(const typename Op::Attributes& attributes,
                                         const std::vector<TensorType>& types, const std::vector<bool>& given,
                                         std::vector<Tensor> values = {}) {
  if (values.empty())
    for (size_t i = 0; i < types.size(); ++i) values.push_back(test::random_tensor(types[i].dims, 77 + i));
  const auto check = test::check_gradient(info<Op>(), Attributes::of(attributes), types, values);
  EXPECT_LT(check.worst_error, 1e-6) << info<Op>().name << " " << to_string(types[0]) << ": " << check.where;
  EXPECT_GT(check.largest_gradient, 1e-3) << info<Op>().name;
  EXPECT_EQ(check.given, given) << info<Op>().name;
}

// --- pointwise

TEST(Relu, RectifiesAndLetsNaNThrough) {
  EXPECT_THAT(apply<Relu>({}, {-1.5, 0, 2, -kInfinity, kInfinity}), ElementsAre(0, 0, 2, 0, kInfinity));
  EXPECT_TRUE(std::isnan(apply<Relu>({}, {kNaN})[0]));
  EXPECT_TRUE(std::isnan(Relu::formula<float>({}, std::numeric_limits<float>::quiet_NaN())));
  EXPECT_THAT(apply<ReluBackward>({}, {0, 3, 0.5}, {5, -6, 7}), ElementsAre(0, -6, 7));
}

TEST(LeakyRelu, ScalesNegativeValues) {
  EXPECT_THAT(apply<LeakyRelu>({}, {-2, 0, 3}), ElementsAre(DoubleEq(-0.02), 0, 3));
  EXPECT_THAT(apply<LeakyRelu>({.slope = 0.25}, {-2, 3}), ElementsAre(-0.5, 3));
  EXPECT_THAT(apply<LeakyRelu>({.slope = 0}, {-2, 3}), ElementsAre(0, 3));
  EXPECT_TRUE(std::isnan(apply<LeakyRelu>({}, {kNaN})[0]));
  EXPECT_THAT(apply<LeakyReluBackward>({.slope = 0.25}, {-0.5, 0, 3}, {8, 8, 8}), ElementsAre(2, 2, 8));
}

TEST(Sigmoid, HasItsKnownValues) {
  EXPECT_THAT(apply<Sigmoid>({}, {0, std::log(3.0), -std::log(3.0), 1000, -1000, kInfinity, -kInfinity}),
              ElementsAre(0.5, DoubleEq(0.75), DoubleEq(0.25), 1, 0, 1, 0));
  EXPECT_THAT(apply<SigmoidBackward>({}, {0.5, 0.75, 1}, {1, 16, 3}), ElementsAre(0.25, 3, 0));
}

TEST(Tanh, HasItsKnownValues) {
  EXPECT_THAT(apply<Tanh>({}, {0, std::log(2.0), -std::log(2.0), 1000, -1000}),
              ElementsAre(0, DoubleEq(0.6), DoubleEq(-0.6), 1, -1));
  EXPECT_THAT(apply<TanhBackward>({}, {0, 0.5, -1}, {2, 4, 3}), ElementsAre(2, 3, 0));
}

TEST(Add, Adds) { EXPECT_THAT(apply<Add>({}, {1, -2, 0.5}, {10, 2, kInfinity}), ElementsAre(11, 0, kInfinity)); }

// The templates must serve float as they serve double: that is what the emitter relies on.
TEST(Pointwise, FormulasInFloatAreTheReferenceRounded) {
  for (float x = -20; x < 20; x += 0.37F) {
    const auto near = [&](double reference) { return testing::FloatNear(static_cast<float>(reference), 1e-6F); };
    EXPECT_THAT(Relu::formula<float>({}, x), near(Relu::formula<double>({}, x)));
    EXPECT_THAT(LeakyRelu::formula<float>({}, x), near(LeakyRelu::formula<double>({}, x)));
    EXPECT_THAT(Sigmoid::formula<float>({}, x), near(Sigmoid::formula<double>({}, x)));
    EXPECT_THAT(Tanh::formula<float>({}, x), near(Tanh::formula<double>({}, x)));
    const float y = 1 / (1 + x * x);
    EXPECT_THAT(ReluBackward::formula<float>({}, x, y), near(ReluBackward::formula<double>({}, x, y)));
    EXPECT_THAT(LeakyReluBackward::formula<float>({}, x, y), near(LeakyReluBackward::formula<double>({}, x, y)));
    EXPECT_THAT(SigmoidBackward::formula<float>({}, y, 2.0F), near(SigmoidBackward::formula<double>({}, y, 2)));
    EXPECT_THAT(TanhBackward::formula<float>({}, y, 2.0F), near(TanhBackward::formula<double>({}, y, 2)));
  }
}

TEST(Pointwise, GradientsMatchDifferences) {
  for (const Dims& dims : {Dims{1, 1}, Dims{3, 17}, Dims{2, 5, 3, 3}}) {
    expect_gradient<Relu>({}, {f32(dims)}, {true}, {tensor(dims, std::vector<double>(f32(dims).elements(), 0.5))});
    expect_gradient<LeakyRelu>({.slope = 0.1}, {f32(dims)}, {true});
    expect_gradient<Sigmoid>({}, {f32(dims)}, {true});
    expect_gradient<Tanh>({}, {f32(dims)}, {true});
    expect_gradient<Add>({}, {f32(dims), f32(dims)}, {true, true});
  }
  expect_gradient<Relu>({}, {f32({3, 17})}, {true});
}

TEST(Pointwise, KeepsTheLayoutOfItsOperand) {
  TensorType blocked = f32({2, 5, 3, 3});
  blocked.layout = {LayoutKind::nchwc, 16};
  EXPECT_EQ(Relu::infer(Relu::Attributes{}, std::array{blocked}).at(0), blocked);
  EXPECT_EQ(Bias::infer({}, std::array{blocked, f32({5})}).at(0), blocked);
  EXPECT_EQ(Dropout::infer({}, std::array{blocked}).at(0), blocked);
}

// --- bias

TEST(Bias, AddsPerChannelInBothRanks) {
  const Tensor bias = tensor({2}, {10, 20});
  EXPECT_THAT(run<Bias>({}, {tensor({2, 2}, {1, 2, 3, 4}), bias}).data, ElementsAre(11, 22, 13, 24));
  EXPECT_THAT(run<Bias>({}, {tensor({2, 2, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), bias}).data,
              ElementsAre(11, 12, 23, 24, 15, 16, 27, 28));
}

TEST(Bias, BackwardSumsOverSamplesAndPixels) {
  const Tensor matrix = run<BiasBackward>({}, {tensor({2, 3}, {1, 2, 3, 10, 20, 30})});
  EXPECT_EQ(matrix.dims, Dims{3});
  EXPECT_THAT(matrix.data, ElementsAre(11, 22, 33));
  EXPECT_THAT(run<BiasBackward>({}, {tensor({2, 2, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8})}).data, ElementsAre(14, 22));
}

TEST(Bias, GradientsMatchDifferences) {
  expect_gradient<Bias>({}, {f32({3, 17}), f32({17})}, {true, true});
  expect_gradient<Bias>({}, {f32({2, 5, 3, 4}), f32({5})}, {true, true});
}

// --- dropout

TEST(Dropout, DropsTheStatedShareAndScalesTheRest) {
  for (double drop : {0.1, 0.5, 0.8}) {
    const int64_t count = 200000;
    const Tensor ones = tensor({count / 10, 10}, std::vector<double>(count, 1));
    const Tensor result = run<Dropout>({.drop = drop, .stream = {3}}, {ones}, {}, 1, 2);
    int64_t dropped = 0;
    double sum = 0;
    for (double y : result.data) {
      if (y == 0)
        ++dropped;
      else
        EXPECT_DOUBLE_EQ(y, 1 / (1 - drop));
      sum += y;
    }
    const double deviation = std::sqrt(drop * (1 - drop) / count);
    EXPECT_NEAR(static_cast<double>(dropped) / count, drop, 5 * deviation);
    EXPECT_NEAR(sum / count, 1, 5 * deviation / (1 - drop)); // the mean is kept
  }
}

TEST(Dropout, RateZeroIsTheIdentity) {
  const Tensor src = test::random_tensor({7, 9}, 5);
  EXPECT_EQ(run<Dropout>({.drop = 0}, {src}).data, src.data);
}

TEST(Dropout, DrawsByElementInChannelsLastOrder) {
  const int64_t batch = 3, channels = 5, height = 2, width = 3;
  const uint64_t seed = 21, step = 9, stream = 0xABCDEF0123456789;
  const Tensor ones = tensor({batch, channels, height, width}, std::vector<double>(90, 1));
  const Tensor result = run<Dropout>({.drop = 0.5, .stream = {stream}}, {ones}, {}, seed, step);
  const uint64_t key = random::stream_key(seed, step, stream);
  uint64_t element = 0;
  for (int64_t n = 0; n < batch; ++n)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        for (int64_t c = 0; c < channels; ++c, ++element) {
          const bool keep = random::uniform(random::draw(key, element)) >= 0.5F;
          EXPECT_EQ(result[((n * channels + c) * height + y) * width + x], keep ? 2 : 0) << element;
        }
}

TEST(Dropout, IsAFunctionOfSeedStepStreamAndElementAlone) {
  const auto mask = [](Dims dims, uint64_t seed, uint64_t step, uint64_t stream) {
    Tensor ones(dims);
    std::fill(ones.data.begin(), ones.data.end(), 1);
    return run<Dropout>({.stream = {stream}}, {ones}, {}, seed, step).data;
  };
  const auto base = mask({4, 6, 3, 3}, 1, 2, 3);
  EXPECT_EQ(mask({4, 6, 3, 3}, 1, 2, 3), base);
  EXPECT_NE(mask({4, 6, 3, 3}, 2, 2, 3), base);
  EXPECT_NE(mask({4, 6, 3, 3}, 1, 3, 3), base);
  EXPECT_NE(mask({4, 6, 3, 3}, 1, 2, 4), base);
  // The first samples of a longer batch see the same mask, and a row of pixels may as well be a column of them.
  auto longer = mask({9, 6, 3, 3}, 1, 2, 3);
  longer.resize(base.size());
  EXPECT_EQ(longer, base);
  EXPECT_EQ(mask({4, 6, 1, 9}, 1, 2, 3), base);
  // Rank 2 is rank 4 of one pixel.
  EXPECT_EQ(mask({4, 50}, 1, 2, 3), mask({4, 50, 1, 1}, 1, 2, 3));
}

TEST(Dropout, BackwardDrawsTheMaskOfForward) {
  const Dims dims = {3, 5, 4, 4};
  test::detail::OneOp graph(info<Dropout>(), Attributes::of(Dropout::Attributes{.drop = 0.3, .stream = {17}}),
                            {f32(dims)});
  graph.differentiate();
  Environment environment;
  environment.seed = 4;
  environment.step = 1000;
  Tensor ones(dims);
  std::fill(ones.data.begin(), ones.data.end(), 1);
  environment.inputs["operand0"] = ones;
  environment.inputs["seed0"] = ones;
  auto outputs = evaluate(graph.function(), environment);
  EXPECT_EQ(outputs.at("gradient0").data, outputs.at("result0").data);
  EXPECT_THAT(outputs.at("result0").data, testing::Contains(0.0));
  EXPECT_THAT(outputs.at("result0").data, testing::Contains(DoubleEq(1 / 0.7)));
  expect_gradient<Dropout>({.drop = 0.3, .stream = {17}}, {f32({3, 17})}, {true});
}

// --- softmax

TEST(Softmax, HasItsKnownValues) {
  const Tensor y = run<Softmax>({}, {tensor({2, 3}, {0, std::log(2.0), std::log(5.0), 7, 7, 7})});
  const double third = 1.0 / 3;
  EXPECT_THAT(y.data, Pointwise(DoubleNear(1e-15), {0.125, 0.25, 0.625, third, third, third}));
}

TEST(Softmax, SurvivesExtremeLogits) {
  EXPECT_THAT(run<Softmax>({}, {tensor({3, 2}, {1e30, 0, -1e30, -1e30, 3e38, -3e38})}).data,
              ElementsAre(1, 0, 0.5, 0.5, 1, 0));
  EXPECT_THAT(run<Softmax>({}, {tensor({1, 3}, {0, kNaN, 0})}).data,
              testing::Each(testing::Truly([](double y) { return std::isnan(y); })));
}

TEST(Softmax, GradientMatchesDifferences) {
  for (const Dims& dims : {Dims{1, 2}, Dims{3, 17}, Dims{7, 10}}) expect_gradient<Softmax>({}, {f32(dims)}, {true});
}

// --- softmax cross-entropy

Tensor loss_of(const Tensor& logits, std::vector<double> labels) {
  const Dims rows = {logits.dims[0]};
  return run<SoftmaxCrossEntropy>({}, {logits, tensor(rows, std::move(labels))}, {f32(logits.dims), i32(rows)});
}

Tensor loss_gradient_of(const Tensor& logits, std::vector<double> labels, std::vector<double> dloss) {
  const Dims rows = {logits.dims[0]};
  return run<SoftmaxCrossEntropyBackward>({}, {logits, tensor(rows, std::move(labels)), tensor(rows, std::move(dloss))},
                                          {f32(logits.dims), i32(rows), f32(rows)});
}

TEST(SoftmaxCrossEntropy, IsMinusTheLogarithmOfTheLabelsShare) {
  const Tensor logits = tensor({2, 3}, {0, std::log(2.0), std::log(5.0), 1, 1, 1});
  EXPECT_THAT(loss_of(logits, {1, 0}).data, Pointwise(DoubleNear(1e-15), {std::log(4.0), std::log(3.0)}));
  EXPECT_THAT(loss_of(logits, {2, 2}).data, Pointwise(DoubleNear(1e-15), {std::log(1.6), std::log(3.0)}));
  EXPECT_THAT(loss_gradient_of(logits, {1, 0}, {1, 3}).data,
              Pointwise(DoubleNear(1e-15), {0.125, -0.75, 0.625, -2.0, 1.0, 1.0}));
}

TEST(SoftmaxCrossEntropy, SurvivesExtremeLogits) {
  const Tensor logits = tensor({4, 2}, {1e30, -1e30, 1e30, -1e30, 1e30, 1e30, 3e38, 3e38});
  EXPECT_THAT(loss_of(logits, {0, 1, 0, 1}).data,
              ElementsAre(0, 2e30, DoubleEq(std::log(2.0)), DoubleEq(std::log(2.0))));
  EXPECT_THAT(loss_gradient_of(logits, {0, 1, 0, 1}, {1, 1, 1, 1}).data,
              ElementsAre(0, 0, 1, -1, -0.5, 0.5, 0.5, -0.5));
  // A certain and right answer costs what is left over, not 0: the sum's logarithm keeps exp(-30).
  EXPECT_NEAR(loss_of(tensor({1, 2}, {30, 0}), {0})[0], std::exp(-30.0), 1e-15);
}

TEST(SoftmaxCrossEntropy, ALabelThatIsNoClassGivesNaNInItsRowOnly) {
  const Tensor logits = test::random_tensor({4, 3}, 8);
  const auto losses = loss_of(logits, {-1, 3, 2, 2147483647});
  const auto gradient = loss_gradient_of(logits, {-1, 3, 2, 2147483647}, {1, 1, 1, 1});
  for (int64_t n : {0, 1, 3}) {
    EXPECT_TRUE(std::isnan(losses[n]));
    for (int64_t c = 0; c < 3; ++c) EXPECT_TRUE(std::isnan(gradient[n * 3 + c]));
  }
  EXPECT_TRUE(std::isfinite(losses[2]));
  EXPECT_NEAR(gradient[6] + gradient[7] + gradient[8], 0, 1e-15);
  EXPECT_LT(gradient[8], 0);
}

TEST(SoftmaxCrossEntropy, GradientMatchesDifferencesAndLabelsHaveNone) {
  for (const Dims& dims : {Dims{1, 2}, Dims{3, 17}, Dims{7, 10}}) {
    Tensor labels({dims[0]});
    for (int64_t n = 0; n < dims[0]; ++n) labels[n] = static_cast<double>(n * 5 % dims[1]);
    expect_gradient<SoftmaxCrossEntropy>({}, {f32(dims), i32({dims[0]})}, {true, false},
                                         {test::random_tensor(dims, 3), labels});
  }
}

// --- top_k

TEST(TopK, IsTheFirstLargestLogit) {
  const Tensor logits = tensor({7, 3}, {1, 3, 2, 1, 3, 2, 3, 3, 1, 3, 3, 1, 1, 1, 1, kNaN, 3, 2, 1, 3, kNaN});
  const std::vector<double> labels = {1, 2, 0, 1, 0, 1, 1};
  const Tensor correct = run<TopK>({}, {logits, tensor({7}, labels)}, {f32({7, 3}), i32({7})});
  EXPECT_THAT(correct.data, ElementsAre(1, 0, 1, 0, 1, 0, 0));
  const Tensor outside = run<TopK>({}, {tensor({2, 1}, {5, 5}), tensor({2}, {-1, 1})}, {f32({2, 1}), i32({2})});
  EXPECT_THAT(outside.data, ElementsAre(0, 0));
  EXPECT_EQ(info<TopK>().gradient, nullptr);
}

// --- reductions, constants, shape

TEST(ReduceMean, IsTheMeanOfAllElements) {
  EXPECT_THAT(run<ReduceMean>({}, {tensor({2, 3}, {1, 2, 3, 4, 5, 9})}).data, ElementsAre(4));
  const Tensor back = run<ReduceMeanBackward>({.dims = {2, 3}}, {tensor({1}, {3})});
  EXPECT_EQ(back.dims, (Dims{2, 3}));
  EXPECT_THAT(back.data, testing::Each(0.5));
  for (const Dims& dims : {Dims{1}, Dims{33}, Dims{3, 5, 2, 2}}) expect_gradient<ReduceMean>({}, {f32(dims)}, {true});
}

TEST(Constant, FillsWithTheValueRoundedToFloat) {
  EXPECT_THAT(run<Constant>({}, {}).data, ElementsAre(1));
  const Tensor filled = run<Constant>({.value = 0.1, .dims = {2, 2}}, {});
  EXPECT_EQ(filled.dims, (Dims{2, 2}));
  EXPECT_THAT(filled.data, testing::Each(double{0.1F}));
}

TEST(Reshape, KeepsLogicalOrderAndReshapesGradientsBack) {
  const Tensor src = test::random_tensor({2, 3, 2, 2}, 1);
  const Tensor flat = run<Reshape>({.dims = {2, 12}}, {src});
  EXPECT_EQ(flat.dims, (Dims{2, 12}));
  EXPECT_EQ(flat.data, src.data);
  EXPECT_EQ(Reshape::infer({.dims = {4}}, std::array{u8({2, 2})}).at(0), u8({4}));
  TensorType blocked = f32({2, 3, 2, 2});
  blocked.layout = {LayoutKind::nchwc, 4};
  EXPECT_EQ(Reshape::infer({.dims = {2, 12}}, std::array{blocked}).at(0), f32({2, 12}));
  expect_gradient<Reshape>({.dims = {2, 12}}, {f32({2, 3, 2, 2})}, {true});
}

TEST(ConvertLayout, ChangesTheLayoutAlone) {
  const TensorType src = f32({2, 5, 3, 3});
  TensorType blocked = src;
  blocked.layout = {LayoutKind::nchwc, 16};
  EXPECT_EQ(ConvertLayout::infer(ConvertLayout::Attributes::of(blocked.layout), std::array{src}).at(0), blocked);
  EXPECT_EQ(ConvertLayout::infer({}, std::array{blocked}).at(0), src);
  const Tensor values = test::random_tensor(src.dims, 2);
  EXPECT_EQ(run<ConvertLayout>({.to = LayoutKind::nchwc, .block = 16}, {values}).data, values.data);
  for (LayoutKind kind : {LayoutKind::oihw_io, LayoutKind::oihw_oi, LayoutKind::ohwi_o}) {
    const auto type = ConvertLayout::infer({.to = kind, .block = 8}, std::array{src}).at(0);
    EXPECT_EQ(type.layout, (Layout{kind, 8}));
  }
}

// --- preprocess and folding

TEST(Preprocess, ScalesShiftsAndPutsChannelsFirst) {
  // Two rows of one pixel of three channels.
  const Tensor image = tensor({1, 2, 1, 3}, {0, 100, 200, 50, 150, 250});
  const Tensor dst = run<Preprocess>({.scale = {0.5, 1, 2}, .shift = {1, 2, 3}}, {image}, {u8({1, 2, 1, 3})});
  EXPECT_EQ(dst.dims, (Dims{1, 3, 2, 1}));
  EXPECT_THAT(dst.data, ElementsAre(1, 26, 102, 152, 403, 503));
  EXPECT_THAT(run<Preprocess>({}, {image}).data, ElementsAre(0, 50, 100, 150, 200, 250));
}

TEST(Preprocess, SurroundsWithTheStatedValue) {
  const Tensor image = tensor({2, 1, 2, 1}, {1, 2, 3, 4});
  const Preprocess::Attributes attributes{.scale = {10}, .shift = {1}, .pad = {1, 2, 0, 1}, .pad_value = {-7}};
  const Tensor dst = run<Preprocess>(attributes, {image}, {u8({2, 1, 2, 1})});
  EXPECT_EQ(dst.dims, (Dims{2, 1, 2, 5}));
  EXPECT_THAT(dst.data, ElementsAre(-7, -7, -7, -7, -7, -7, -7, 11, 21, -7, -7, -7, -7, -7, -7, -7, -7, 31, 41, -7));
}

// What folding is for: W (scale x + shift) + b = fold_scale(W) x + fold_shift(W, b).
void expect_fold(const Dims& weight_dims, const std::vector<double>& scale, const std::vector<double>& shift) {
  const Tensor weights = test::random_tensor(weight_dims, 31);
  const Tensor bias = test::random_tensor({weight_dims[0]}, 32);
  const Tensor folded = run<FoldScale>({.scale = scale}, {weights});
  const Tensor moved = run<FoldShift>({.shift = shift}, {weights, bias});
  const int64_t inputs = weights.elements() / weight_dims[0];
  const Tensor x = test::random_tensor({inputs}, 33);
  const int64_t group = inputs / static_cast<int64_t>(scale.size());
  for (int64_t o = 0; o < weight_dims[0]; ++o) {
    double expected = bias[o], got = moved[o];
    for (int64_t i = 0; i < inputs; ++i) {
      const auto channel = static_cast<size_t>(i / group);
      expected += weights[o * inputs + i] * (scale[channel] * x[i] + shift[channel]);
      got += folded[o * inputs + i] * x[i];
    }
    EXPECT_NEAR(got, expected, 1e-12);
  }
}

TEST(Fold, MovesScaleAndShiftIntoWeightsAndBias) {
  expect_fold({5, 3, 3, 2}, {0.5, -2, 3}, {1, 0.25, -4});
  expect_fold({5, 1, 3, 3}, {0.5}, {1});
  expect_fold({4, 12}, {0.5, -2, 3}, {1, 0.25, -4});
  expect_fold({4, 12}, {0.5}, {1});
}

TEST(Fold, HasItsKnownValues) {
  const Tensor weights = tensor({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(run<FoldScale>({.scale = {1, 10}}, {weights}).data, ElementsAre(1, 2, 30, 40, 5, 6, 70, 80));
  EXPECT_THAT(run<FoldShift>({.shift = {1, 10}}, {weights}).data, ElementsAre(73, 161));
  EXPECT_THAT(run<FoldShift>({.shift = {1, 10}}, {weights, tensor({2}, {0.5, -1})}).data, ElementsAre(73.5, 160));
}

// --- update

TEST(SgdUpdate, TakesTwoStepsAsWorkedByHand) {
  const auto module = parse("state @w : f32[2]\n"
                            "state @v : f32[2] {role=optimizer}\n"
                            "func @step(%g: f32[2], %lr: f32[1]) {\n"
                            "  sgd_update(@w, @v, %g, %lr) {momentum=0.5, weight_decay=0.25, lr_multiplier=2}\n"
                            "  return\n"
                            "}\n");
  Environment environment;
  environment.states = {{"w", tensor({2}, {4, -8})}, {"v", tensor({2}, {0, 1})}};
  environment.inputs = {{"g", tensor({2}, {1, 2})}, {"lr", tensor({1}, {0.125})}};
  evaluate(*module->find_function("step"), environment);
  // v = 0.5 v + (g + 0.25 w) = {2, 0.5}; w -= 0.25 v
  EXPECT_THAT(environment.states.at("v").data, ElementsAre(2, 0.5));
  EXPECT_THAT(environment.states.at("w").data, ElementsAre(3.5, -8.125));
  evaluate(*module->find_function("step"), environment);
  EXPECT_THAT(environment.states.at("v").data, ElementsAre(2.875, 0.21875));
  EXPECT_THAT(environment.states.at("w").data, ElementsAre(2.78125, -8.1796875));
}

TEST(SgdUpdate, DefaultsArePlainDescentAndFloatAgrees) {
  SgdUpdate::Slots<float> slots = {100};
  EXPECT_EQ(SgdUpdate::formula<float>({}, 0, 3.0F, slots, 0.5F, 0.25F), 2.875F);
  EXPECT_EQ(slots[0], 0.5F);
}

TEST(SgdUpdate, WritesStatesOnly) {
  const auto module = parse("func @step(%w: f32[2], %v: f32[2], %g: f32[2], %lr: f32[1]) {\n"
                            "  sgd_update(%w, %v, %g, %lr)\n"
                            "  return\n"
                            "}\n");
  Environment environment;
  for (const char* name : {"w", "v", "g"}) environment.inputs[name] = Tensor({2});
  environment.inputs["lr"] = Tensor({1});
  EXPECT_THROW(evaluate(*module->find_function("step"), environment), TypeError);
}

// --- shape files

// Each case parses, evaluates without NaN on sound values, and survives the text form.
TEST(ShapeFiles, ParseEvaluateAndRoundTrip) {
  for (const char* op : {"add", "bias", "constant", "convert_layout", "dropout", "fold_scale", "fold_shift",
                         "leaky_relu", "preprocess", "reduce_mean", "relu", "reshape", "sgd_update", "sigmoid",
                         "softmax", "softmax_cross_entropy", "tanh", "top_k"}) {
    SCOPED_TRACE(op);
    std::ifstream file(std::string(KILN_SOURCE_DIR "/tests/shapes/") + op + ".ir");
    ASSERT_TRUE(file) << "no shape file";
    std::stringstream text;
    text << file.rdbuf();
    const auto module = parse(text.str());
    EXPECT_EQ(print(*parse(print(*module))), print(*module));
    EXPECT_GE(module->functions().size(), 4U);
    Environment environment;
    environment.states = initial_states(*module, 1);
    for (const auto& function : module->functions()) {
      SCOPED_TRACE(function->name());
      EXPECT_TRUE(std::any_of(function->nodes().begin(), function->nodes().end(),
                              [&](const auto& node) { return node->op().name == op; }));
      environment.inputs.clear();
      for (const auto& input : function->inputs())
        environment.inputs[input->name] =
            input->type.dtype == DType::i32 ? Tensor(input->type.dims) : test::random_tensor(input->type.dims, 6);
      for (const auto& [name, output] : evaluate(*function, environment))
        for (double value : output.data) ASSERT_TRUE(std::isfinite(value)) << name;
    }
  }
}

} // namespace
} // namespace kiln::ir
