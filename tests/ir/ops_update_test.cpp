// Optimisers' updates over several steps, against their formulas as the papers and PyTorch state them, written out
// once more in plain loops over time.
#include "ir/evaluate.h"
#include "ir/ops/adadelta_update.h"
#include "ir/ops/adagrad_update.h"
#include "ir/ops/adam_update.h"
#include "ir/ops/rmsprop_update.h"
#include "ir/ops/sgd_update.h"
#include "ir/text.h"

#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

using testing::DoubleNear;

constexpr double kRate = 0.125;
constexpr int kSteps = 5;

double gradient_at(int t) { return std::array{0.5, -2.0, 0.25, 1.5, -0.75}[static_cast<size_t>(t - 1)]; }

// The weight after each step, of an op with these slots and attributes.
std::vector<double> run(std::string_view op, const std::vector<std::string>& slots, std::string_view attributes) {
  std::string text = "state @w : f32[1]\n", operands = "@w";
  for (const std::string& slot : slots) {
    text += fmt::format("state @{} : f32[1] {{role=optimizer}}\n", slot);
    operands += ", @" + slot;
  }
  text += fmt::format("func @step(%g: f32[1], %lr: f32[1]) {{\n  {}({}, %g, %lr) {{{}}}\n  return\n}}\n", op, operands,
                      attributes);
  const auto module = parse(text);
  Environment environment;
  Tensor one({1});
  environment.states["w"] = one;
  environment.states["w"][0] = 3;
  for (const std::string& slot : slots) environment.states[slot] = one;
  environment.inputs["lr"] = one;
  environment.inputs["lr"][0] = kRate;
  std::vector<double> weights;
  for (int t = 1; t <= kSteps; ++t) {
    environment.step = static_cast<uint64_t>(t - 1);
    environment.inputs["g"] = one;
    environment.inputs["g"][0] = gradient_at(t);
    evaluate(*module->find_function("step"), environment);
    weights.push_back(environment.states.at("w")[0]);
  }
  return weights;
}

std::vector<double> by_hand(const std::function<double(int t, double w)>& step) {
  std::vector<double> weights;
  double w = 3;
  for (int t = 1; t <= kSteps; ++t) weights.push_back(w = step(t, w));
  return weights;
}

TEST(Update, NesterovLooksAhead) {
  double v = 0;
  const auto expected = by_hand([&](int t, double w) {
    const double g = gradient_at(t) + 0.01 * w;
    v = 0.9 * v + g;
    return w - kRate * (g + 0.9 * v);
  });
  EXPECT_THAT(run("sgd_update", {"v"}, "momentum=0.9, nesterov=true, weight_decay=0.01"),
              testing::Pointwise(DoubleNear(1e-12), expected));
}

TEST(Update, AdagradDividesByTheRootOfAllSquares) {
  const auto expected = by_hand([](int t, double w) {
    double sum = 0;
    for (int s = 1; s <= t; ++s) sum += gradient_at(s) * gradient_at(s);
    return w - kRate * 2 * gradient_at(t) / (std::sqrt(sum) + 0.001);
  });
  EXPECT_THAT(run("adagrad_update", {"s"}, "epsilon=0.001, lr_multiplier=2"),
              testing::Pointwise(DoubleNear(1e-12), expected));
}

// The mean of squares as the sum that it unrolls to.
double mean_square(int t, double decay) {
  double mean = 0;
  for (int s = 1; s <= t; ++s) mean += (1 - decay) * std::pow(decay, t - s) * gradient_at(s) * gradient_at(s);
  return mean;
}

TEST(Update, RmspropDividesByTheRootOfARunningMean) {
  const auto expected = by_hand([](int t, double w) {
    double velocity = 0;
    for (int s = 1; s <= t; ++s)
      velocity += std::pow(0.5, t - s) * gradient_at(s) / (std::sqrt(mean_square(s, 0.9)) + 0.001);
    return w - kRate * velocity;
  });
  EXPECT_THAT(run("rmsprop_update", {"s", "v"}, "decay=0.9, momentum=0.5, epsilon=0.001"),
              testing::Pointwise(DoubleNear(1e-12), expected));
}

TEST(Update, AdadeltaTakesItsScaleFromItsSteps) {
  double delta = 0;
  const auto expected = by_hand([&](int t, double w) {
    const double d = gradient_at(t) * std::sqrt((delta + 0.01) / (mean_square(t, 0.8) + 0.01));
    delta = 0.8 * delta + 0.2 * d * d;
    return w - kRate * d;
  });
  EXPECT_THAT(run("adadelta_update", {"s", "d"}, "decay=0.8, epsilon=0.01"),
              testing::Pointwise(DoubleNear(1e-12), expected));
}

double adam_step(int t) {
  double mean = 0;
  for (int s = 1; s <= t; ++s) mean += (1 - 0.9) * std::pow(0.9, t - s) * gradient_at(s);
  const double square = mean_square(t, 0.99) / (1 - std::pow(0.99, t));
  return mean / (1 - std::pow(0.9, t)) / (std::sqrt(square) + 0.001);
}

TEST(Update, AdamCorrectsWhatItsMomentsLackAtFirst) {
  const auto expected = by_hand([](int t, double w) { return w - kRate * adam_step(t); });
  EXPECT_THAT(run("adam_update", {"m", "v"}, "beta2=0.99, epsilon=0.001"),
              testing::Pointwise(DoubleNear(1e-12), expected));
  // Whatever the gradient's size, the first step is the rate.
  EXPECT_NEAR(run("adam_update", {"m", "v"}, "")[0], 3 - kRate, 1e-8);
}

TEST(Update, AdamwDecaysBesideTheMoments) {
  const auto expected = by_hand([](int t, double w) { return w * (1 - kRate * 0.1) - kRate * adam_step(t); });
  EXPECT_THAT(run("adam_update", {"m", "v"}, "beta2=0.99, epsilon=0.001, weight_decay=0.1, decoupled=true"),
              testing::Pointwise(DoubleNear(1e-12), expected));
}

TEST(Update, AdamsCorrectionKeepsItsDigitsInFloat) {
  for (double t : {1.0, 2.0, 100.0, 100000.0}) {
    const double exact = -std::expm1(t * std::log(0.999));
    EXPECT_NEAR(AdamUpdate::correction(0.999, static_cast<float>(t)), exact, 3e-7 * exact) << t;
  }
}

TEST(Update, RefusesWhatWouldDivideByZeroOrGrow) {
  EXPECT_THROW(run("adam_update", {"m", "v"}, "epsilon=0"), ParseError);
  EXPECT_THROW(run("adam_update", {"m", "v"}, "beta2=1"), ParseError);
  EXPECT_THROW(run("rmsprop_update", {"s", "v"}, "decay=1.5"), ParseError);
  EXPECT_THROW(run("adadelta_update", {"s", "d"}, "decay=-0.1"), ParseError);
  EXPECT_THROW(run("adagrad_update", {"s"}, "weight_decay=-1"), ParseError);
  EXPECT_THROW(run("adagrad_update", {}, ""), ParseError);
}

} // namespace
} // namespace kiln::ir
