// The reference evaluator as a whole: inputs, states, effects, trace, and initial states. Ops have tests of their own.
#include "ir/evaluate.h"

#include "ir/op.h"
#include "ir/text.h"
#include "runtime/counter_random.h"
#include "runtime/vector_math.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

using testing::ElementsAre;

Tensor tensor(Dims dims, std::vector<double> data) {
  Tensor made(std::move(dims));
  EXPECT_EQ(made.data.size(), data.size());
  made.data = std::move(data);
  return made;
}

const std::string kStep = R"(
  state @w : f32[1,2] {role=parameter, data=[1,2]}
  state @v : f32[1,2] {role=optimizer}
  func @train_step(%x: f32[1,2], %g: f32[1,2], %learning_rate: f32[1]) {
    %y = dense(%x, @w)
    %z = relu(%y)
    sgd_update(@w, @v, %g, %learning_rate) {momentum=0.5}
    return z=%z, x=%x
  })";

TEST(Evaluate, RunsInOrderAndUpdatesStates) {
  const auto module = parse(kStep);
  Environment environment;
  environment.states = initial_states(*module, 1);
  environment.inputs = {
      {"x", tensor({1, 2}, {3, 4})}, {"g", tensor({1, 2}, {1, -1})}, {"learning_rate", tensor({1}, {0.25})}};
  std::map<std::string, Tensor> trace;
  auto outputs = evaluate(*module->functions()[0], environment, &trace);
  EXPECT_THAT(outputs.at("z").data, ElementsAre(11));
  EXPECT_THAT(outputs.at("x").data, ElementsAre(3, 4));
  EXPECT_THAT(environment.states.at("w").data, ElementsAre(0.75, 2.25));
  EXPECT_THAT(environment.states.at("v").data, ElementsAre(1, -1));
  EXPECT_THAT(trace.at("y").data, ElementsAre(11));

  outputs = evaluate(*module->functions()[0], environment);
  EXPECT_THAT(outputs.at("z").data, ElementsAre(0.75 * 3 + 2.25 * 4));
  EXPECT_THAT(environment.states.at("v").data, ElementsAre(1.5, -1.5));
}

TEST(Evaluate, RefusesMissingAndMisshapenValues) {
  const auto module = parse(kStep);
  const Function& function = *module->functions()[0];
  Environment environment;
  EXPECT_THROW(evaluate(function, environment), TypeError);
  environment.inputs = {
      {"x", tensor({2, 1}, {3, 4})}, {"g", tensor({1, 2}, {1, 1})}, {"learning_rate", tensor({1}, {1})}};
  EXPECT_THROW(evaluate(function, environment), TypeError);
  environment.inputs["x"] = tensor({1, 2}, {3, 4});
  EXPECT_THROW(evaluate(function, environment), TypeError); // no state has a value
  environment.states = initial_states(*module, 1);
  EXPECT_NO_THROW(evaluate(function, environment));
}

TEST(Evaluate, LayoutsChangeNothing) {
  const auto module = parse(R"(
    func @predict(%x: f32[1,3,1,2]) {
      %blocked = convert_layout(%x) {to=nchwc, block=16} : f32[1,3,1,2]{nchw16c}
      %y = relu(%blocked) : f32[1,3,1,2]{nchw16c}
      return y=%y
    })");
  Environment environment;
  environment.inputs["x"] = tensor({1, 3, 1, 2}, {-1, 2, -3, 4, -5, 6});
  EXPECT_THAT(evaluate(*module->functions()[0], environment).at("y").data, ElementsAre(0, 2, 0, 4, 0, 6));
}

TEST(InitialStates, AreDrawnFromTheirStreams) {
  const auto module = parse(R"(
    state @constant : f32[3] {init=constant(0.1)}
    state @uniform : f32[1000] {init=uniform(-2,6), stream=0x5}
    state @normal : f32[1000] {init=normal(3,0.5), stream=0x5}
    state @known : f32[2] {init=constant(7), data=[1,2]}
  )");
  const auto states = initial_states(*module, 9);
  EXPECT_THAT(states.at("constant").data, ElementsAre(0.1f, 0.1f, 0.1f)); // rounded to f32
  EXPECT_THAT(states.at("known").data, ElementsAre(1, 2));
  const uint64_t key = random::stream_key(uint64_t{9}, uint64_t{0}, uint64_t{5});
  EXPECT_EQ(states.at("uniform")[7], -2.0f + 8.0f * random::uniform(random::draw(key, 7)));
  EXPECT_EQ(states.at("normal")[7], 3.0f + 0.5f * math::draw_normal(key, 7));
  double sum = 0, normal_sum = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    const double value = states.at("uniform")[i];
    EXPECT_TRUE(value >= -2 && value < 6);
    sum += value;
    normal_sum += states.at("normal")[i];
  }
  EXPECT_NEAR(sum / 1000, 2, 0.3); // four standard errors
  EXPECT_NEAR(normal_sum / 1000, 3, 0.07);
  EXPECT_NE(initial_states(*module, 10).at("uniform").data, states.at("uniform").data);
}

} // namespace
} // namespace kiln::ir
