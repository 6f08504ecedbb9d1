// What stands around a parameter's update - penalties, clipping, norms, averages - against sums worked out here.
#include "ir/evaluate.h"
#include "ir/op.h"
#include "ir/text.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace kiln::ir {
namespace {

using testing::DoubleEq;
using testing::DoubleNear;
using testing::ElementsAre;

struct Evaluated {
  std::map<std::string, Tensor> outputs, states;
};

Evaluated run(const std::string& text, std::map<std::string, Tensor> inputs,
              std::map<std::string, Tensor> states = {}) {
  const auto module = parse("module \"m\" {\n" + text + "\n}");
  Environment environment;
  environment.inputs = std::move(inputs);
  environment.states = std::move(states);
  Evaluated result;
  result.outputs = evaluate(*module->functions().front(), environment);
  result.states = environment.states;
  return result;
}

Tensor tensor(Dims dims, std::vector<double> data) {
  Tensor result(std::move(dims));
  result.data = std::move(data);
  return result;
}

TEST(Penalty, IsTheSumOfBothTerms) {
  const Evaluated got = run("func @f(%w: f32[2,2]) {\n%p = penalty(%w) {l1=0.5, l2=0.2}\nreturn p=%p\n}",
                            {{"w", tensor({2, 2}, {1, -2, 0, 3})}});
  EXPECT_NEAR(got.outputs.at("p")[0], 0.5 * (1 + 2 + 3) + 0.1 * (1 + 4 + 9), 1e-12);
}

TEST(RegularizeGradient, IsThePenaltysSlope) {
  const std::vector<double> weights = {0.7, -1.3, 2.5};
  const Evaluated got =
      run("func @f(%w: f32[3], %g: f32[3]) {\n%r = regularize_gradient(%w, %g) {l1=0.3, l2=0.4}\nreturn r=%r\n}",
          {{"w", tensor({3}, weights)}, {"g", tensor({3}, {1, 1, 1})}});
  const auto penalty = [](double w) { return 0.3 * std::abs(w) + 0.2 * w * w; };
  for (size_t i = 0; i < 3; ++i) {
    const double slope = (penalty(weights[i] + 1e-6) - penalty(weights[i] - 1e-6)) / 2e-6;
    EXPECT_NEAR(got.outputs.at("r").data[i], 1 + slope, 1e-8);
  }
}

TEST(RegularizeGradient, HasNoSlopeOfAbsoluteValuesAtZero) {
  const Evaluated got =
      run("func @f(%w: f32[2], %g: f32[2]) {\n%r = regularize_gradient(%w, %g) {l1=0.3, l2=0}\nreturn r=%r\n}",
          {{"w", tensor({2}, {0, -0.0})}, {"g", tensor({2}, {5, -5})}});
  EXPECT_THAT(got.outputs.at("r").data, ElementsAre(5, -5));
}

TEST(ClipByNorm, ScalesToTheNormAndNoShorterThing) {
  const std::string text = "func @f(%g: f32[2], %all: f32[1]) {\n%c = clip_by_norm(%g, %all) {norm=2}\nreturn c=%c\n}";
  const Evaluated longer = run(text, {{"g", tensor({2}, {3, 4})}, {"all", tensor({1}, {100})}});
  EXPECT_THAT(longer.outputs.at("c").data, ElementsAre(DoubleNear(0.6, 1e-12), DoubleNear(0.8, 1e-12)));
  const Evaluated shorter = run(text, {{"g", tensor({2}, {1, 1})}, {"all", tensor({1}, {3.99})}});
  EXPECT_THAT(shorter.outputs.at("c").data, ElementsAre(1, 1));
}

// A factor of 0 would end the run's learning without a word.
TEST(ClipByNorm, HidesNoOverflow) {
  const std::string text = "func @f(%g: f32[2], %all: f32[1]) {\n%c = clip_by_norm(%g, %all) {norm=2}\nreturn c=%c\n}";
  for (const double squares : {1e39, std::numeric_limits<double>::infinity(), std::nan("")}) {
    const Evaluated got = run(text, {{"g", tensor({2}, {3e20, 4e20})}, {"all", tensor({1}, {squares})}});
    EXPECT_THAT(got.outputs.at("c").data, ElementsAre(3e20, 4e20));
  }
}

TEST(LimitNorm, ScalesEachRowByItself) {
  const Evaluated got = run("state @w : f32[3,2] {role=parameter}\nfunc @f() {\nlimit_norm(@w) {norm=5}\nreturn\n}", {},
                            {{"w", tensor({3, 2}, {6, 8, 3, 4, 0, 1})}});
  EXPECT_THAT(got.states.at("w").data, ElementsAre(DoubleNear(3, 1e-12), DoubleNear(4, 1e-12), 3, 4, 0, 1));
}

TEST(AverageWeights, MovesByAShareAndLeavesTheParameter) {
  const Evaluated got = run("state @a : f32[2] {role=optimizer}\nstate @w : f32[2] {role=parameter}\n"
                            "func @f() {\naverage_weights(@a, @w) {decay=0.75}\nreturn\n}",
                            {}, {{"a", tensor({2}, {4, 0})}, {"w", tensor({2}, {8, 1})}});
  EXPECT_THAT(got.states.at("a").data, ElementsAre(DoubleEq(5), DoubleEq(0.25)));
  EXPECT_THAT(got.states.at("w").data, ElementsAre(8, 1));
}

TEST(InitialStates, OrthogonalRowsAndColumns) {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{3, 7}, {7, 3}, {4, 4}}) {
    const auto module =
        parse("module \"m\" {\nstate @w : f32[" + std::to_string(rows) + "," + std::to_string(columns) +
              "] {role=parameter, init=orthogonal(2), stream=0x5}\nfunc @f() {\nlimit_norm(@w) {norm=9}\nreturn\n}\n}");
    const Tensor w = initial_states(*module, 3).at("w");
    const bool by_rows = rows <= columns;
    const int64_t count = std::min(rows, columns), length = std::max(rows, columns);
    for (int64_t a = 0; a < count; ++a)
      for (int64_t b = 0; b < count; ++b) {
        double product = 0;
        for (int64_t i = 0; i < length; ++i)
          product += by_rows ? w[a * columns + i] * w[b * columns + i] : w[i * columns + a] * w[i * columns + b];
        EXPECT_NEAR(product, a == b ? 4 : 0, 1e-12);
      }
  }
}

} // namespace
} // namespace kiln::ir
