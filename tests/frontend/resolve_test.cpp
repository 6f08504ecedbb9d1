// Resolving and rendering: every default is written out, nothing given is changed, and the text reads back the same.
#include "frontend/resolve.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "frontend/load_experiment.h"
#include "frontend/read_experiment.h"
#include "frontend/recipe.h"
#include "frontend/render.h"
#include "runtime/recipe.h"

namespace kiln::frontend {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::ElementsAre;
using testing::HasSubstr;

proto::Experiment resolved(const std::string& text) {
  Diagnostics diagnostics;
  auto read = parse_experiment(text, "/some/where/my net.textproto", diagnostics);
  EXPECT_TRUE(read) << diagnostics.text();
  resolve(read->message, "/some/where/my net.textproto");
  return read->message;
}

proto::Experiment parsed(const std::string& text) {
  Diagnostics diagnostics;
  auto read = parse_experiment(text, "rendered", diagnostics);
  EXPECT_TRUE(read) << diagnostics.text();
  return read ? read->message : proto::Experiment();
}

// One of every layer kind, schedule aside.
constexpr const char* kEverything = R"(
  network {
    layer { convolution { filters: 8 kernel: 3 padding: [1, 2] bias: false groups: 1 } }
    layer { leaky_relu { slope: 0.25 } }
    layer { max_pool { kernel: 2 } }
    layer { average_pool { kernel: [3, 2] stride: 1 rounding: CEIL padding: 1 } }
    layer { convolution { filters: 8 kernel: 1 weights_init { gaussian { std: 0.01 } } } }
    layer { sigmoid {} }
    layer { tanh {} }
    layer { name: "sum" input: ["sigmoid1", "tanh1"] add {} }
    layer { dropout {} }
    layer { reshape { dims: -1 } }
    layer { flatten {} }
    layer { dense { units: 16 } }
    layer { softmax {} }
    layer { dense { units: 10 weights_init { he { distribution: UNIFORM } } } }
    layer { relu {} }
    layer { softmax_cross_entropy {} }
  }
  data { idx { train_images: "a" train_labels: "../b" test_images: "/c" test_labels: "d/../e" } class_name: "\303\244" }
  training { batch: 32 epochs: 3 sgd { momentum: 0.1 } }
)";

TEST(Resolve, WritesOutDefaults) {
  const proto::Experiment experiment = resolved(kEverything);
  EXPECT_EQ(experiment.name(), "my_net");
  const auto& layers = experiment.network().layer();
  std::vector<std::string> names, inputs;
  for (const auto& layer : layers) {
    names.push_back(layer.name());
    inputs.push_back(layer.input(0));
  }
  EXPECT_THAT(names, ElementsAre("conv1", "leaky_relu1", "pool1", "pool2", "conv2", "sigmoid1", "tanh1", "sum",
                                 "dropout1", "reshape1", "flatten1", "fc1", "softmax1", "fc2", "relu1", "loss"));
  EXPECT_THAT(inputs, ElementsAre("image", "conv1", "leaky_relu1", "pool1", "pool2", "conv2", "sigmoid1", "sigmoid1",
                                  "sum", "dropout1", "reshape1", "flatten1", "fc1", "softmax1", "fc2", "relu1"));
  EXPECT_THAT(layers[0].convolution().kernel(), ElementsAre(3, 3));
  EXPECT_THAT(layers[0].convolution().stride(), ElementsAre(1, 1));
  EXPECT_THAT(layers[0].convolution().padding(), ElementsAre(1, 2, 1, 2));
  EXPECT_FALSE(layers[0].convolution().has_bias_init());
  EXPECT_THAT(layers[2].max_pool().stride(), ElementsAre(2, 2));
  EXPECT_THAT(layers[3].average_pool().stride(), ElementsAre(1, 1));
  EXPECT_THAT(layers[3].average_pool().padding(), ElementsAre(1, 1, 1, 1));
  EXPECT_TRUE(layers[8].dropout().has_drop());
  EXPECT_EQ(layers[8].dropout().drop(), 0.5);

  // He before rectifiers, aware of their slope; what is given stays.
  EXPECT_EQ(layers[0].convolution().weights_init().he().slope(), 0.25);
  EXPECT_EQ(layers[4].convolution().weights_init().gaussian().std(), 0.01);
  EXPECT_TRUE(layers[11].dense().weights_init().has_xavier());
  EXPECT_EQ(layers[13].dense().weights_init().he().distribution(), proto::UNIFORM);
  EXPECT_TRUE(layers[13].dense().bias_init().has_constant());

  EXPECT_EQ(experiment.data().idx().train_images(), "/some/where/a");
  EXPECT_EQ(experiment.data().idx().train_labels(), "/some/b");
  EXPECT_EQ(experiment.data().idx().test_images(), "/c");
  EXPECT_EQ(experiment.data().idx().test_labels(), "/some/where/e");
  EXPECT_THAT(experiment.preprocess().std(), ElementsAre(1));
  EXPECT_TRUE(experiment.training().learning_rate().has_fixed());
  EXPECT_EQ(experiment.training().learning_rate().start(), 0.1);
  EXPECT_EQ(experiment.training().evaluation_batch(), 32);
  EXPECT_EQ(experiment.training().seed(), 1u);
}

TEST(Resolve, LearntAndDrawnSlopesCountForInitialWeights) {
  const auto slope_before = [](const std::string& activation) {
    const auto experiment = resolved("network { layer { dense { units: 2 } } layer { " + activation + " } }");
    const auto& init = experiment.network().layer(0).dense().weights_init();
    return init.has_he() ? init.he().slope() : -1;
  };
  EXPECT_EQ(slope_before("prelu {}"), 0.25);
  EXPECT_DOUBLE_EQ(slope_before("rrelu {}"), 2.0 / 11);
  EXPECT_DOUBLE_EQ(slope_before("rrelu { lower: 0.25 upper: 0.75 mode: EVEN }"), 0.5);
  EXPECT_EQ(slope_before("relu6 {}"), 0);
  EXPECT_EQ(slope_before("gelu {}"), 0);
  EXPECT_EQ(slope_before("softplus {}"), -1);
}

TEST(Resolve, RectifierIsFoundThroughPoolingAndAcrossBranches) {
  const proto::Experiment experiment = resolved("network {"
                                                "  layer { convolution { filters: 2 kernel: 1 } }"
                                                "  layer { max_pool { kernel: 2 } }"
                                                "  layer { relu {} }"
                                                "  layer { convolution { filters: 2 kernel: 1 } }"
                                                "  layer { convolution { filters: 2 kernel: 1 } }"
                                                "  layer { input: [\"conv2\", \"conv3\"] add {} }"
                                                "  layer { relu {} }"
                                                "  layer { dense { units: 2 } }"
                                                "}");
  const auto& layers = experiment.network().layer();
  EXPECT_TRUE(layers[0].convolution().weights_init().has_he());
  EXPECT_TRUE(layers[3].convolution().weights_init().has_he());
  EXPECT_TRUE(layers[4].convolution().weights_init().has_he());
  EXPECT_TRUE(layers[7].dense().weights_init().has_xavier());
}

TEST(Resolve, KeepsExplicitZeros) {
  const proto::Experiment experiment =
      resolved("network { layer { dropout { drop: 0 } } layer { leaky_relu { slope: 0 } } }"
               "training { seed: 0 evaluate_every_epochs: 0 evaluation_batch: 0 learning_rate { start: 0 } }");
  EXPECT_EQ(experiment.network().layer(0).dropout().drop(), 0);
  EXPECT_EQ(experiment.network().layer(1).leaky_relu().slope(), 0);
  EXPECT_EQ(experiment.training().seed(), 0u);
  EXPECT_EQ(experiment.training().evaluate_every_epochs(), 0);
  EXPECT_EQ(experiment.training().learning_rate().start(), 0);
}

TEST(Resolve, TwiceChangesNothing) {
  proto::Experiment once = resolved(kEverything);
  proto::Experiment twice = once;
  resolve(twice, "/else/where.textproto");
  EXPECT_TRUE(MessageDifferencer::Equals(once, twice));
}

TEST(Render, ReadsBackAsTheSameExperiment) {
  proto::Experiment experiment = resolved(kEverything);
  experiment.mutable_preprocess()->set_scale(1.0 / 255);
  experiment.mutable_training()->mutable_sgd()->set_momentum(0.1 + 0.2);
  const std::string text = render(experiment);
  EXPECT_TRUE(MessageDifferencer::Equals(parsed(text), experiment)) << text;
  EXPECT_EQ(render(parsed(text)), text);
  EXPECT_THAT(text, HasSubstr("kernel: [3, 3]"));
  EXPECT_THAT(text, HasSubstr("\"ä\""));
}

// Every field that has a default must show it: nothing is left for a reader to look up.
TEST(Render, ShowsEveryDefault) {
  const proto::Experiment experiment = resolved(kEverything);
  std::vector<const google::protobuf::Message*> open{&experiment};
  int seen = 0;
  while (!open.empty()) {
    const auto& message = *open.back();
    open.pop_back();
    const auto& type = *message.GetDescriptor();
    const auto& reflection = *message.GetReflection();
    for (int i = 0; i < type.field_count(); ++i) {
      const auto* field = type.field(i);
      if (field->has_default_value()) {
        EXPECT_TRUE(reflection.HasField(message, field)) << field->full_name();
        ++seen;
      }
      if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
      for (int k = 0; field->is_repeated() && k < reflection.FieldSize(message, field); ++k)
        open.push_back(&reflection.GetRepeatedMessage(message, field, k));
      if (!field->is_repeated() && reflection.HasField(message, field))
        open.push_back(&reflection.GetMessage(message, field));
    }
  }
  EXPECT_GT(seen, 30);
}

TEST(Recipe, CountsInSteps) {
  struct Counted {
    kiln_schedule schedule;
    std::vector<int64_t> milestones;
    int64_t epoch_steps;
  };
  auto recipe = [](const std::string& rate, int64_t samples, const std::string& more = "") {
    const Recipe stated(
        resolved("training { batch: 64 epochs: 5 sgd {} learning_rate { " + rate + " } " + more + "}").training());
    const runtime::Training training(stated.stated(), samples);
    const kiln_schedule& schedule = training.description().schedule;
    return Counted{schedule,
                   {schedule.milestones, schedule.milestones + schedule.milestone_count},
                   runtime::steps_per_epoch(stated.stated(), samples)};
  };
  const Counted dropped = recipe("start: 0.02 warmup: 0.5 cosine { floor: 0.001 }", 60000);
  EXPECT_EQ(dropped.epoch_steps, 937);
  EXPECT_EQ(dropped.schedule.total_steps, 4685);
  EXPECT_EQ(dropped.schedule.warmup_steps, 469);
  EXPECT_EQ(dropped.schedule.kind, KILN_SCHEDULE_COSINE);
  EXPECT_EQ(dropped.schedule.base, 0.02);
  EXPECT_EQ(dropped.schedule.floor, 0.001);
  EXPECT_EQ(recipe("", 60000, "tail: WRAP").epoch_steps, 938);
  EXPECT_EQ(recipe("", 64 * 10, "tail: WRAP").epoch_steps, 10);
  EXPECT_EQ(recipe("", 0).epoch_steps, 1);

  EXPECT_EQ(recipe("step { every: 2 }", 640).schedule.every, 20);
  EXPECT_EQ(recipe("step { every: 0.01 }", 640).schedule.every, 1);
  EXPECT_EQ(recipe("unit: STEP step { every: 7 }", 640).schedule.every, 7);
  EXPECT_EQ(recipe("step { every: 2 }", 640).schedule.gamma, 0.1);
  EXPECT_THAT(recipe("multistep { milestone: [2, 3.5] }", 640).milestones, ElementsAre(20, 35));
  // Ten steps an epoch: gamma is per epoch.
  EXPECT_NEAR(std::pow(recipe("exp { gamma: 0.5 }", 640).schedule.gamma, 10), 0.5, 1e-12);
  EXPECT_EQ(recipe("unit: STEP exp { gamma: 0.5 }", 640).schedule.gamma, 0.5);
  EXPECT_EQ(recipe("inv { gamma: 1 power: 0.75 }", 640).schedule.gamma, 0.1);
  EXPECT_EQ(recipe("inv { gamma: 1 power: 0.75 }", 640).schedule.power, 0.75);
  EXPECT_EQ(recipe("poly {}", 640).schedule.power, 1);
}

TEST(Examples, AreShortAndWithoutFault) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(KILN_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".textproto") continue;
    std::ifstream file(entry.path());
    EXPECT_LT(std::count(std::istreambuf_iterator<char>(file), {}, '\n'), 120) << entry.path();
    Diagnostics diagnostics;
    auto loaded = load_experiment(entry.path().string(), {}, diagnostics);
    ASSERT_TRUE(loaded);
    // The data need not be installed where tests run.
    for (const Diagnostic& diagnostic : diagnostics.sorted())
      EXPECT_EQ(diagnostic.kind, ErrorKind::data) << to_string(diagnostic);
  }
}

} // namespace
} // namespace kiln::frontend
