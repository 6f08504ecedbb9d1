// Shared parameters, further inputs and further outputs: what they become in the IR.
#include "frontend/importer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontend/check_experiment.h"
#include "frontend/read_experiment.h"
#include "frontend/resolve.h"
#include "ir/evaluate.h"
#include "ir/op.h"
#include "ir/ops/update_running_statistics.h"
#include "ir/verify.h"
#include "passes/passes.h"
#include "runtime/counter_random.h"

namespace kiln::frontend {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::unique_ptr<ir::Module> import_good(const std::string& network, const ImportOptions& options = {2, 2, {1}}) {
  Diagnostics diagnostics;
  auto read = parse_experiment("network { " + network + " } data { image { channels: 2 height: 5 width: 4 } } " +
                                   "training { batch: 2 epochs: 1 sgd { momentum: 0.9 } }",
                               "test", diagnostics);
  if (!read) return nullptr;
  LoadedExperiment loaded{read->message, read->positions, {}};
  resolve(loaded.experiment, "test");
  check_experiment(loaded.experiment, loaded.positions, diagnostics);
  loaded.data = probe_data(loaded.experiment, loaded.positions, diagnostics);
  auto module = import_network(loaded, options, diagnostics);
  EXPECT_EQ(diagnostics.text(), "");
  EXPECT_NE(module, nullptr);
  if (module == nullptr) return nullptr;
  EXPECT_EQ(ir::verify(*module).value_or("sound"), "sound");
  return module;
}

std::vector<std::string> states_of(const ir::Module& module) {
  std::vector<std::string> names;
  for (const auto& state : module.states()) names.push_back(state->value.name);
  return names;
}

constexpr const char* kTail = " layer { dense { units: 3 } } layer { softmax_cross_entropy {} }";

TEST(Share, TakesAllParametersOfALayer) {
  auto module =
      import_good(std::string("layer { convolution { filters: 2 kernel: 3 padding: 1 } } layer { batch_norm {} } "
                              "layer { prelu {} } "
                              "layer { convolution { filters: 2 kernel: 3 padding: 1 } share: \"conv1\" } "
                              "layer { batch_norm {} share: \"bn1\" } layer { prelu {} share: \"prelu1\" } "
                              "layer { convolution { filters: 2 kernel: 3 padding: 1 } share: \"conv2\" }") +
                  kTail);
  ASSERT_TRUE(module);
  EXPECT_THAT(states_of(*module),
              UnorderedElementsAre("conv1.weight", "conv1.bias", "bn1.scale", "bn1.shift", "bn1.mean", "bn1.variance",
                                   "prelu1.slope", "fc1.weight", "fc1.bias"));
  // Both updates write the one pair of running statistics, in the order of the layers.
  std::vector<std::string> updates;
  for (const auto& node : module->find_function("train_step")->nodes())
    if (node->is<ir::UpdateRunningStatistics>()) updates.push_back(node->operand(0).name + " " + node->operand(2).name);
  EXPECT_THAT(updates, ElementsAre("bn1.mean bn1.mean", "bn1.mean bn2.mean"));
}

TEST(Share, TakesOneParameterAlone) {
  auto module = import_good(std::string("layer { convolution { filters: 2 kernel: 1 } } "
                                        "layer { convolution { filters: 2 kernel: 1 } share: \"conv1.weight\" } "
                                        "layer { convolution { filters: 2 kernel: 1 } "
                                        "share: [\"conv1.weight\", \"conv2.bias\"] }") +
                            kTail);
  ASSERT_TRUE(module);
  EXPECT_THAT(states_of(*module),
              UnorderedElementsAre("conv1.weight", "conv1.bias", "conv2.bias", "fc1.weight", "fc1.bias"));
}

TEST(Share, AddsGradientsUp) {
  auto module = import_good(std::string("layer { convolution { filters: 2 kernel: 3 padding: 1 } } layer { tanh {} } "
                                        "layer { convolution { filters: 2 kernel: 3 padding: 1 } share: \"conv1\" } "
                                        "layer { dense { units: 4 } } layer { tanh {} } "
                                        "layer { dense { units: 4 } } "
                                        "layer { dense { units: 4 } share: \"fc2.weight\" } ") +
                                kTail,
                            {2, 0, {}});
  ASSERT_TRUE(module);
  ASSERT_TRUE(passes::find_pass("differentiate")->run(*module, {}));
  const ir::Function& function = *module->find_function("train_step");

  ir::Environment environment;
  uint64_t key = 1;
  auto filled = [&](const ir::Dims& dims, double scale) {
    ir::Tensor tensor(dims);
    for (int64_t i = 0; i < tensor.elements(); ++i)
      tensor[i] = scale * (2 * double{random::uniform(random::draw(key, static_cast<uint64_t>(i)))} - 1);
    ++key;
    return tensor;
  };
  environment.inputs["image"] = ir::Tensor(function.find_input("image")->type.dims);
  for (int64_t i = 0; i < environment.inputs["image"].elements(); ++i)
    environment.inputs["image"][i] = double(i % 7) / 7;
  environment.inputs["label"] = ir::Tensor({2});
  environment.inputs["label"][1] = 2;
  for (const auto& state : module->states())
    environment.states[state->value.name] = filled(state->value.type.dims, 0.5);

  const auto analytic = ir::evaluate(function, environment);
  int compared = 0;
  for (const char* name : {"conv1.weight", "conv1.bias", "fc2.weight"}) {
    const ir::Tensor& gradient = analytic.at("gradient:" + std::string(name));
    for (int64_t i = 0; i < gradient.elements(); ++i, ++compared) {
      constexpr double step = 1e-5;
      double& value = environment.states[name][i];
      const double before = value;
      value = before + step;
      const double above = ir::evaluate(function, environment).at("loss")[0];
      value = before - step;
      const double below = ir::evaluate(function, environment).at("loss")[0];
      value = before;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * step), 1e-7) << name << " " << i;
    }
  }
  EXPECT_EQ(compared, 36 + 2 + 16);
}

TEST(NetworkInputs, AreInputsOfEveryFunction) {
  auto module =
      import_good(std::string("input { name: \"depth\" dims: [1, 5, 4] } input { name: \"age\" dims: 3 } "
                              "layer { concat {} input: [\"image\", \"depth\"] } layer { dense { units: 3 } } "
                              "layer { concat {} input: [\"fc1\", \"age\"] }") +
                  kTail);
  ASSERT_TRUE(module);
  for (auto [name, batch] : {std::pair("train_step", 2), std::pair("evaluate", 2), std::pair("predict", 1)}) {
    const ir::Function& function = *module->find_function(name);
    ASSERT_NE(function.find_input("depth"), nullptr);
    EXPECT_EQ(function.find_input("depth")->type, (ir::TensorType{ir::DType::f32, {batch, 1, 5, 4}, {}}));
    EXPECT_EQ(function.find_input("age")->type, (ir::TensorType{ir::DType::f32, {batch, 3}, {}}));
  }
}

TEST(NetworkOutputs, AreGivenByPredict) {
  auto module = import_good(std::string("output: [\"conv1\", \"side\"] layer { convolution { filters: 2 kernel: 3 } } "
                                        "layer { name: \"side\" tanh {} } layer { relu {} input: \"conv1\" }") +
                            kTail);
  ASSERT_TRUE(module);
  std::vector<std::string> names;
  for (const ir::Output& output : module->find_function("predict")->outputs) names.push_back(output.name);
  EXPECT_THAT(names, ElementsAre("probability", "conv1", "side"));
  EXPECT_EQ(module->find_function("evaluate")->outputs.size(), 2u);
}

} // namespace
} // namespace kiln::frontend
