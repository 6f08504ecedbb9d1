// Differentiation: gradients of whole functions against central differences of the reference, and what is not built.
#include "ir/op.h"
#include "ir/text.h"
#include "passes/pass_manager.h"
#include "tests/support/reference_run.h"

#include <array>
#include <gtest/gtest.h>

namespace kiln::passes {
namespace {

constexpr std::array<std::string_view, 1> kDifferentiate = {"differentiate"};

std::unique_ptr<ir::Module> differentiated(const std::string& text) {
  auto module = ir::parse(text);
  run_passes(*module, kDifferentiate, {});
  return module;
}

// Every gradient output of train_step against differences of its loss; at least one element must not be 0.
void check(const std::string& text, size_t expected_gradients) {
  const auto module = differentiated(text);
  const ir::Function& function = *module->find_function("train_step");
  const test::ReferenceRun run(function);
  size_t gradients = 0;
  for (const auto& [name, gradient] : run.outputs) {
    if (!name.starts_with(ir::kGradientPrefix)) continue;
    ++gradients;
    const std::string state = name.substr(ir::kGradientPrefix.size());
    double largest = 0;
    for (int64_t i = 0; i < gradient.elements(); ++i) {
      constexpr double step = 1e-6;
      const auto loss_at = [&](double offset) {
        ir::Environment environment = test::random_environment(function);
        environment.states.at(state)[i] += offset;
        return test::ReferenceRun(function, std::move(environment)).outputs.at("loss")[0];
      };
      const double numeric = (loss_at(step) - loss_at(-step)) / (2 * step);
      EXPECT_NEAR(gradient[i], numeric, 1e-8 + 1e-6 * std::abs(numeric)) << name << " element " << i;
      largest = std::max(largest, std::abs(gradient[i]));
    }
    EXPECT_GT(largest, 0) << name;
  }
  EXPECT_EQ(gradients, expected_gradients);
}

TEST(Gradients, OfASmallNetwork) {
  check(R"(
    state @conv.weight : f32[3,2,3,3] {role=parameter}
    state @conv.bias : f32[3] {role=parameter}
    state @fc.weight : f32[4,12] {role=parameter}
    state @fc.bias : f32[4] {role=parameter}
    func @train_step(%image: f32[2,6,6,2], %label: i32[2]) {
      %data = preprocess(%image)
      %conv.conv2d = conv2d(%data, @conv.weight) {pad=[1,1,1,1]} layer="conv"
      %conv = bias(%conv.conv2d, @conv.bias) layer="conv"
      %act = sigmoid(%conv) layer="act"
      %pool = average_pool(%act) {kernel=[3,3], stride=[3,3]} layer="pool"
      %flat = reshape(%pool) {dims=[2,12]} layer="flat"
      %fc.dense = dense(%flat, @fc.weight) layer="fc"
      %fc = bias(%fc.dense, @fc.bias) layer="fc"
      %losses = softmax_cross_entropy(%fc, %label) layer="loss"
      %loss = reduce_mean(%losses) layer="loss"
      return loss=%loss
    })",
        4);
}

TEST(Gradients, OfValuesUsedTwiceAreAdded) {
  check(R"(
    state @w : f32[4,4] {role=parameter}
    func @train_step(%features: f32[2,4]) {
      %a = dense(%features, @w) layer="a"
      %tanh = tanh(%a) layer="tanh"
      %b = dense(%tanh, @w) layer="b"
      %residual = add(%b, %tanh) layer="residual"
      %twice = add(%residual, %residual) layer="twice"
      %loss = reduce_mean(%twice) layer="loss"
      return loss=%loss
    })",
        1);
}

TEST(Gradients, PassThroughDropoutAsItDrew) {
  check(R"(
    state @w : f32[8,4] {role=parameter}
    func @train_step(%features: f32[2,4]) {
      %a = dense(%features, @w) layer="a"
      %drop = dropout(%a) {drop=0.5, stream=0x7} layer="drop"
      %tanh = tanh(%drop) layer="tanh"
      %loss = reduce_mean(%tanh) layer="loss"
      return loss=%loss
    })",
        1);
}

TEST(Gradients, AreNotBuiltForWhatTheLossDoesNotDependOn) {
  check(R"(
    state @w : f32[4,4] {role=parameter}
    state @aside : f32[4,4] {role=parameter}
    func @train_step(%features: f32[2,4], %label: i32[2]) {
      %a = dense(%features, @w) layer="a"
      %b = dense(%a, @aside) layer="b"
      %correct = top_k(%b, %label)
      %loss = reduce_mean(%a) layer="loss"
      return loss=%loss, correct=%correct
    })",
        1);
}

std::string refusal_of(const std::string& text) {
  try {
    differentiated(text);
  } catch (const PassError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Gradients, RefuseAnOpWithoutOne) {
  EXPECT_EQ(refusal_of(R"(
    state @w : f32[4,4] {role=parameter}
    func @train_step(%features: f32[2,4], %label: i32[2]) {
      %a = dense(%features, @w) layer="a"
      %hits = top_k(%a, %label) layer="hits"
      %loss = reduce_mean(%hits) layer="loss"
      return loss=%loss
    })"),
            "layer \"hits\": the loss depends on parameters through top_k, which has no gradient");
}

TEST(Gradients, NeedOneLoss) {
  const std::string text = R"(
    state @w : f32[4,4] {role=parameter}
    func @train_step(%features: f32[2,4]) {
      %a = dense(%features, @w) layer="a"
      return OUTPUT=%a
    })";
  const auto with_output = [&](const std::string& name) {
    std::string copy = text;
    return copy.replace(copy.find("OUTPUT"), 6, name);
  };
  EXPECT_EQ(refusal_of(with_output("logits")), "train_step has no output named loss");
  EXPECT_EQ(refusal_of(with_output("loss")), "the loss is f32[2,4], it must be f32[1]");
}

} // namespace
} // namespace kiln::passes
