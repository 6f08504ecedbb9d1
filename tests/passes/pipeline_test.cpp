// The whole pipelines on a small LeNet: sound after every pass, and the same training step and prediction as before.
#include "passes/pipeline.h"

#include "ir/op.h"
#include "ir/ops/sgd_update.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass_manager.h"
#include "passes/plan_memory.h"
#include "tests/support/reference_run.h"

#include <array>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace kiln::passes {
namespace {

using test::difference;
using test::ReferenceRun;

const std::string kLayers = R"(
    %data = preprocess(%image) {scale=[0.00390625], shift=[-0.5]}
    %conv1.conv2d = conv2d(%data, @conv1.weight) {pad=[1,1,1,1]} layer="conv1"
    %conv1 = bias(%conv1.conv2d, @conv1.bias) layer="conv1"
    %pool1 = max_pool(%conv1) layer="pool1"
    %conv2.conv2d = conv2d(%pool1, @conv2.weight) layer="conv2"
    %conv2 = bias(%conv2.conv2d, @conv2.bias) layer="conv2"
    %relu2 = relu(%conv2) layer="relu2"
    %pool2 = max_pool(%relu2) layer="pool2"
    %flat = reshape(%pool2) {dims=[BATCH,20]} layer="flat"
    %drop = dropout(%flat) {drop=0.25, stream=0x9} layer="drop"
    %ip1.dense = dense(%drop, @ip1.weight) layer="ip1"
    %ip1 = bias(%ip1.dense, @ip1.bias) layer="ip1"
    %relu1 = relu(%ip1) layer="relu1"
    %ip2.dense = dense(%relu1, @ip2.weight) layer="ip2"
    %ip2 = bias(%ip2.dense, @ip2.bias) layer="ip2"
)";

std::string with_batch(std::string text, const std::string& batch) {
  for (size_t at = text.find("BATCH"); at != std::string::npos; at = text.find("BATCH")) text.replace(at, 5, batch);
  return text;
}

const std::string kStates = R"(
  state @conv1.weight : f32[5,1,3,3] {role=parameter}
  state @conv1.bias : f32[5] {role=parameter, decay=0}
  state @conv2.weight : f32[5,5,3,3] {role=parameter, lr=2}
  state @conv2.bias : f32[5] {role=parameter, decay=0}
  state @ip1.weight : f32[6,20] {role=parameter}
  state @ip1.bias : f32[6] {role=parameter, decay=0}
  state @ip2.weight : f32[4,6] {role=parameter}
  state @ip2.bias : f32[4] {role=parameter, decay=0}
)";

std::string training_text(const std::string& batch = "3") {
  std::string text = "module \"lenet\" {\n  optimizer sgd {momentum=0.9, weight_decay=0.01}" + kStates +
                     "  func @train_step(%image: u8[BATCH,12,12,1], %label: i32[BATCH]) {" + kLayers + R"(
    %losses = softmax_cross_entropy(%ip2, %label) layer="loss"
    %loss = reduce_mean(%losses) layer="loss"
    %correct = top_k(%ip2, %label)
    return loss=%loss, correct=%correct
  }
  func @evaluate(%image: u8[BATCH,12,12,1], %label: i32[BATCH]) {)" +
                     kLayers + R"(
    %loss = softmax_cross_entropy(%ip2, %label) layer="loss"
    %correct = top_k(%ip2, %label)
    return loss=%loss, correct=%correct
  }
})";
  return with_batch(std::move(text), batch);
}

std::string prediction(const std::string& batch) {
  return with_batch("  func @predict.BATCH(%image: u8[BATCH,12,12,1]) {" + kLayers + R"(
    %probability = softmax(%ip2)
    return probability=%probability
  })",
                    batch);
}

std::string prediction_text() { return "module \"lenet\" {" + kStates + prediction("1") + prediction("3") + "\n}"; }

class Pipeline : public testing::TestWithParam<ir::IsaLevel> {
protected:
  const ir::Target target_ = ir::target_for(GetParam());

  void run(ir::Module& module, std::span<const std::string_view> passes) const {
    RunOptions options;
    options.pass.target = target_;
    run_passes(module, passes, options);
    EXPECT_EQ(ir::verify(module, &target_).value_or("sound"), "sound");
    const std::string text = ir::print(module);
    if (text.find("data=omitted") == std::string::npos) {
      EXPECT_EQ(ir::print(*ir::parse(text)), text);
    }
  }
};

// Dropout as inference sees it.
std::unique_ptr<ir::Module> without_dropout(const std::string& text) {
  auto module = ir::parse(text);
  const std::array<std::string_view, 1> names = {"eliminate_dropout"};
  run_passes(*module, names, {});
  return module;
}

// Known weights, as a checkpoint gives them.
void give_data(ir::Module& module) {
  for (const auto& state : module.states()) state->data = test::random_value(state->value).data;
}

TEST_P(Pipeline, TrainingStepIsTheOneThatWasDifferentiated) {
  // By the two passes alone, in logical order; what follows them must change nothing.
  const auto expected_module = ir::parse(training_text());
  const std::array<std::string_view, 2> first = {"differentiate", "append_optimizer"};
  run_passes(*expected_module, first, {});
  const auto module = ir::parse(training_text());
  run(*module, training_pipeline());

  const ReferenceRun expected(*expected_module->find_function("train_step"));
  const ReferenceRun got(*module->find_function("train_step"));
  const ReferenceRun start(*module->find_function("evaluate"));
  EXPECT_EQ(expected.outputs.size(), 2u);
  for (const auto& [name, tensor] : expected.outputs)
    EXPECT_LE(difference(tensor, got.outputs.at(name)), 1e-12) << name;
  EXPECT_EQ(expected.states.size(), 16u);
  for (const auto& [name, tensor] : expected.states) {
    EXPECT_LE(difference(tensor, got.states.at(name)), 1e-12) << name;
    EXPECT_GT(difference(start.states.at(name), got.states.at(name)), 1e-6) << name << " was not updated";
  }
}

TEST_P(Pipeline, EvaluationIsTheSameWithoutDropout) {
  const auto expected = without_dropout(training_text());
  const auto module = ir::parse(training_text());
  run(*module, training_pipeline());
  const ReferenceRun before(*expected->find_function("evaluate"));
  const ReferenceRun after(*module->find_function("evaluate"));
  for (const auto& [name, tensor] : before.outputs)
    EXPECT_LE(difference(tensor, after.outputs.at(name)), 1e-12) << name;
}

TEST_P(Pipeline, PredictionIsTheSameAndItsWeightsAreStoredAsKernelsWantThem) {
  const auto expected = without_dropout(prediction_text());
  const auto module = ir::parse(prediction_text());
  give_data(*expected);
  give_data(*module);
  run(*module, inference_pipeline());
  for (const auto& function : expected->functions()) {
    const ReferenceRun before(*function);
    const ReferenceRun after(*module->find_function(function->name()));
    EXPECT_LE(difference(before.outputs.at("probability"), after.outputs.at("probability")), 1e-12);
  }
  for (const auto& function : module->functions())
    for (const auto& node : function->nodes()) {
      EXPECT_NE(node->op().name, "fold_scale") << "weights are known and were not folded";
      if (node->op().name == "convert_layout") {
        EXPECT_NE(node->operand(0).kind, ir::Value::Kind::state);
      }
    }
}

TEST_P(Pipeline, PredictionOfUnknownWeightsIsTheSame) {
  const auto expected = without_dropout(prediction_text());
  const auto module = ir::parse(prediction_text());
  run(*module, inference_pipeline());
  const ReferenceRun before(*expected->find_function("predict.3"));
  const ReferenceRun after(*module->find_function("predict.3"));
  EXPECT_LE(difference(before.outputs.at("probability"), after.outputs.at("probability")), 1e-12);
}

bool overlap(const ir::PlannedBuffer& a, const ir::PlannedBuffer& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step && a.offset < b.offset + b.bytes &&
         b.offset < a.offset + a.bytes;
}

TEST_P(Pipeline, PlanKeepsLiveBuffersApartAndCoversEveryUse) {
  const auto module = ir::parse(training_text());
  run(*module, training_pipeline());
  const ir::Plan plan = plan_memory(*module, target_);
  ASSERT_EQ(plan.functions.size(), 2u);
  for (const ir::FunctionPlan& function : plan.functions) {
    const auto& buffers = function.buffers;
    const auto is_arena = [&](int32_t i) { return buffers.at(static_cast<size_t>(i)).kind == ir::BufferKind::arena; };
    for (size_t i = 0; i < buffers.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (is_arena(static_cast<int32_t>(i)) && is_arena(static_cast<int32_t>(j))) {
          EXPECT_FALSE(overlap(buffers[i], buffers[j])) << buffers[i].name << " and " << buffers[j].name;
        }
    for (size_t s = 0; s < function.steps.size(); ++s) {
      const ir::PlanStep& step = function.steps[s];
      std::vector<int32_t> used = step.operands;
      used.insert(used.end(), step.results.begin(), step.results.end());
      if (step.workspace >= 0) used.push_back(step.workspace);
      for (int32_t i : used) {
        const ir::PlannedBuffer& buffer = buffers.at(static_cast<size_t>(i));
        if (buffer.kind != ir::BufferKind::arena) continue;
        EXPECT_LE(buffer.first_step, static_cast<int32_t>(s)) << buffer.name;
        EXPECT_GE(buffer.last_step, static_cast<int32_t>(s)) << buffer.name;
        EXPECT_LE(buffer.offset + buffer.bytes, function.arena_bytes) << buffer.name;
      }
    }
  }
}

// Where activations outweigh weights, as they do at any batch size that people train with.
TEST_P(Pipeline, OrderSavesMemory) {
  const auto ordered = ir::parse(training_text("32"));
  const auto unordered = ir::parse(training_text("32"));
  std::vector<std::string_view> without_order(training_pipeline().begin(), training_pipeline().end());
  std::erase(without_order, "order");
  run(*ordered, training_pipeline());
  run(*unordered, without_order);
  EXPECT_LT(plan_memory(*ordered, target_).functions[0].arena_bytes,
            plan_memory(*unordered, target_).functions[0].arena_bytes);
}

TEST_P(Pipeline, UpdatesStandAsSoonAsTheyCan) {
  const auto module = ir::parse(training_text());
  run(*module, training_pipeline());
  const ir::Function& function = *module->find_function("train_step");
  int updates = 0, since_last = 0, longest = 0;
  for (const auto& node : function.nodes()) {
    since_last += updates > 0;
    if (!node->is<ir::SgdUpdate>()) continue;
    ++updates;
    longest = std::max(longest, since_last);
    since_last = 0;
  }
  EXPECT_EQ(updates, 8);
  EXPECT_LE(longest, 9); // not all at the end
}

INSTANTIATE_TEST_SUITE_P(Levels, Pipeline, testing::Values(ir::IsaLevel::baseline, ir::IsaLevel::v4),
                         [](const auto& info) { return info.param == ir::IsaLevel::v4 ? "v4" : "baseline"; });

} // namespace
} // namespace kiln::passes
