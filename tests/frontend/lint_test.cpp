// Rules of lint: of each an experiment in which it speaks, with the field that it points at, and one in which it is
// silent.
#include "frontend/lint/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "frontend/check_experiment.h"
#include "frontend/importer.h"
#include "frontend/read_experiment.h"
#include "frontend/resolve.h"

namespace kiln::frontend {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// What nobody finds fault with, one part a line; cases replace lines.
const std::map<std::string, std::string> kGood = {
    {"layers", "layer { convolution { filters: 8 kernel: 3 padding: 1 bias: false } }\n"
               "layer { batch_norm {} }\nlayer { relu {} }\nlayer { max_pool { kernel: 2 } }\n"
               "layer { dense { units: 4 } }\nlayer { softmax_cross_entropy {} }"},
    {"image", "height: 32 channels: 3"},
    {"preprocess", "scale: 0.00392156862745098 mean: [0.5, 0.4, 0.3] std: 0.25"},
    {"training", "batch: 4 epochs: 1 sgd { momentum: 0.9 weight_decay: 0.01 } learning_rate { start: 0.05 }"},
    {"lint", ""},
};

LintFacts good_facts() {
  LintFacts facts;
  facts.class_samples = {100, 90, 80, 11};
  facts.channels = {{0.5 * 255, 64}, {0.4 * 255, 64}, {0.3 * 255, 64}};
  facts.measured_images = 50;
  return facts;
}

std::vector<LintFinding> lint_of(const std::map<std::string, std::string>& changes,
                                 const LintFacts& facts = good_facts(), int64_t validation_samples = 0) {
  auto parts = kGood;
  for (const auto& [part, text] : changes) parts.at(part) = text;
  const std::string text = "network {\n" + parts.at("layers") + "\n}\ndata { image { " + parts.at("image") +
                           " } }\npreprocess { " + parts.at("preprocess") + " }\ntraining { " + parts.at("training") +
                           " }\nlint { " + parts.at("lint") + " }\n";
  Diagnostics diagnostics;
  auto read = parse_experiment(text, "test", diagnostics);
  EXPECT_TRUE(read) << diagnostics.text();
  LoadedExperiment loaded{read->message, read->positions, {}};
  resolve(loaded.experiment, "test");
  check_experiment(loaded.experiment, loaded.positions, diagnostics);
  loaded.data = probe_data(loaded.experiment, loaded.positions, diagnostics);
  loaded.data.test_samples = 100;
  loaded.data.validation_samples = validation_samples;
  const auto module = import_network(loaded, {0, 1, {}}, diagnostics);
  EXPECT_NE(module, nullptr) << diagnostics.text();
  return lint(loaded, *module, facts);
}

std::string said(const std::vector<LintFinding>& findings) {
  std::string text;
  for (const LintFinding& finding : findings) text += to_string(finding) + "\n";
  return text;
}

std::string layers_before(const std::string& end) { return end + "\nlayer { softmax_cross_entropy {} }"; }

struct Case {
  std::string rule;
  std::map<std::string, std::string> changes;
  std::string place; // of the one finding of this rule
  std::string words;
  LintFacts facts = good_facts();
};

// Each speaks of what its words say, and of nothing else.
std::vector<Case> cases() {
  const std::string conv = "layer { convolution { filters: 8 kernel: 3 padding: 1 ";
  LintFacts five = good_facts(), three = good_facts(), rare = good_facts(), colours = good_facts();
  five.class_samples.push_back(50);
  three.class_samples[2] = 0;
  rare.class_samples[3] = 10;
  colours.channels[2].mean = 0.33 * 255;
  LintFacts loud = good_facts();
  loud.channels[0].std = 80;
  return {
      {"zero-init",
       {{"layers",
         layers_before(conv + "} }\nlayer { relu {} }\nlayer { dense { units: 4 weights_init { constant {} } } }")}},
       "test:4:26",
       "layer \"fc1\" (dense): its weights all start as 0"},
      {"xavier-before-rectifier",
       {{"layers",
         layers_before(conv + "weights_init { xavier {} } } }\nlayer { relu {} }\nlayer { dense { units: 4 } }")}},
       "test:2:55",
       "here stands \"relu1\""},
      {"softmax-before-loss",
       {{"layers", layers_before("layer { dense { units: 4 } }\nlayer { softmax {} }")}},
       "test:4:1",
       "it takes the softmax again that \"softmax1\" gives"},
      {"softmax-before-loss",
       {{"layers", layers_before("layer { dense { units: 4 } }\nlayer { log_softmax {} }")}},
       "test:4:1",
       "it takes the softmax again that \"log_softmax1\" gives"},
      {"rectifier-before-loss",
       {{"layers", layers_before("layer { dense { units: 4 } }\nlayer { relu {} }")}},
       "test:3:1",
       "those below zero are cut off"},
      {"bias-before-batch-norm",
       {{"layers",
         layers_before(conv + "} }\nlayer { batch_norm {} }\nlayer { relu {} }\nlayer { dense { units: 4 } }")}},
       "test:2:9",
       "batch norm \"bn1\" subtracts it"},
      {"dropout-before-batch-norm",
       {{"layers",
         layers_before("layer { dropout {} }\n" + conv +
                       "bias: false } }\nlayer { batch_norm {} }\nlayer { relu {} }\nlayer { dense { units: 4 } }")}},
       "test:4:1",
       "behind dropout \"dropout1\""},
      {"frozen-before-batch-norm",
       {{"layers", layers_before("layer { freeze: true convolution { filters: 8 kernel: 3 padding: 1 bias: false } }\n"
                                 "layer { batch_norm {} }\nlayer { relu {} }\nlayer { dense { units: 4 } }")}},
       "test:3:1",
       "\"conv1\" is frozen"},
      {"rows-dropped",
       {{"layers", layers_before("layer { convolution { filters: 8 kernel: 3 stride: 2 bias: false } }\n"
                                 "layer { batch_norm {} }\nlayer { relu {} }\nlayer { dense { units: 4 } }")}},
       "test:2:44",
       "of 32 rows, 1 at the end is seen by no window"},
      {"input-side", {{"image", "height: 28 channels: 3"}}, "test:9:8", "images of side 28"},
      {"large-filter",
       {{"layers", layers_before("layer { convolution { filters: 8 kernel: 5 padding: 2 } }\nlayer { relu {} }\n"
                                 "layer { dense { units: 4 } }")}},
       "test:2:34",
       "a filter of side 5; 2 of side 3"},
      {"shrinking-filter",
       {{"layers", layers_before("layer { convolution { filters: 8 kernel: 3 } }\nlayer { relu {} }\n"
                                 "layer { dense { units: 4 } }")}},
       "test:2:9",
       "32 rows become 30"},
      {"large-pool",
       {{"layers",
         layers_before(conv +
                       "} }\nlayer { relu {} }\nlayer { max_pool { kernel: 4 } }\nlayer { dense { units: 4 } }")}},
       "test:4:20",
       "windows of side 4"},
      {"no-zero-centre", {{"preprocess", "scale: 0.01"}}, "test:10:1", "mean zero"},
      {"foreign-statistics",
       {},
       "test:10:41",
       "mean of channel 2 is given as 0.3, of 50 training images it is 0.33",
       colours},
      {"foreign-statistics", {}, "test:10:63", "std of channel 0 is given as 0.25", loud},
      {"few-outputs", {}, "test:1:1", "labels go up to 4, the network has 4 outputs", five},
      {"unused-outputs", {}, "test:1:1", "no training sample has the label 2", three},
      {"imbalance", {}, "test:9:1", "class \"0\" has 100 samples, class \"3\" only 10", rare},
      {"no-shuffle", {{"training", kGood.at("training") + " shuffle: false"}}, "test:11:102", "the same"},
      {"rate-range",
       {{"training", "batch: 4 epochs: 1 adam {} learning_rate { start: 0.1 }"}},
       "test:11:55",
       "start is 0.1: adam takes 1e-06 to 0.02"},
      {"rate-range",
       {{"training", "batch: 4 epochs: 1 sgd { momentum: 0.99 } learning_rate { start: 2 }"}},
       "test:11:70",
       "sgd takes 1e-05 to 1"},
      {"decay-on-bias",
       {{"layers", layers_before("layer { decay_mult: [1, 1] dense { units: 4 } }")}},
       "test:2:9",
       "weight decay pulls its bias to zero"},
      {"test-chosen", {{"training", kGood.at("training") + " early_stop {}"}}, "test:11:102", "by the test split"},
  };
}

TEST(Lint, SaysNothingOfAGoodExperiment) { EXPECT_EQ(said(lint_of({})), ""); }

TEST(Lint, EveryRuleSpeaksWhereItShouldAndOthersAreSilent) {
  std::set<std::string> spoke;
  for (const Case& given : cases()) {
    SCOPED_TRACE(given.rule + ": " + given.words);
    const std::vector<LintFinding> findings = lint_of(given.changes, given.facts);
    ASSERT_EQ(findings.size(), 1u) << said(findings);
    EXPECT_EQ(findings[0].rule->id, given.rule);
    EXPECT_THAT(to_string(findings[0]), StartsWith(given.place + ": "));
    EXPECT_THAT(to_string(findings[0]), HasSubstr(given.words));
    EXPECT_THAT(to_string(findings[0]), HasSubstr("\n  fix: "));
    spoke.insert(given.rule);
  }
  for (const LintRule& rule : lint_rules()) EXPECT_TRUE(spoke.contains(std::string(rule.id))) << rule.id;
}

TEST(Lint, EveryRuleCanBeSilenced) {
  for (const Case& given : cases()) {
    auto changes = given.changes;
    changes["lint"] = "silence: \"" + given.rule + "\"";
    EXPECT_EQ(said(lint_of(changes, given.facts)), "") << given.rule;
  }
}

// What looks like a fault and is none.
TEST(Lint, IsSilent) {
  const std::string end = "layer { relu {} }\nlayer { dense { units: 4 } }";
  const std::map<std::string, std::string> fine = {
      {"constant bias", layers_before("layer { dense { units: 4 bias_init { constant { value: 1 } } } }")},
      {"xavier before batch norm",
       layers_before(
           "layer { convolution { filters: 8 kernel: 3 padding: 1 bias: false weights_init { xavier {} } } }\n"
           "layer { batch_norm {} }\n" +
           end)},
      {"xavier before tanh",
       layers_before("layer { dense { units: 9 weights_init { xavier {} } } }\nlayer { tanh {} }\n"
                     "layer { dense { units: 4 } }")},
      {"the padding's row unseen",
       layers_before("layer { convolution { filters: 8 kernel: 3 stride: 2 padding: 1 } }\n" + end)},
      {"1 x 1 with a stride, which states its gaps",
       layers_before("layer { convolution { filters: 8 kernel: 1 stride: 2 } }\n" + end)},
      {"dropout behind batch norm",
       layers_before("layer { batch_norm {} }\nlayer { dropout {} }\nlayer { dense { units: 4 } }")},
  };
  for (const auto& [what, layers] : fine) EXPECT_EQ(said(lint_of({{"layers", layers}})), "") << what;
  EXPECT_EQ(
      said(lint_of({{"layers", layers_before("layer { name: \"c\" convolution { filters: 8 kernel: 3 padding: 1 } }\n"
                                             "layer { batch_norm {} }\nlayer { add {} input: [\"c\", \"bn1\"] }\n" +
                                             end)}})),
      "");
  EXPECT_EQ(said(lint_of({{"preprocess", "scale: 0.00392156862745098 mean: 0.5 std: 0.5"}})), "") << "from -1 to 1";
  EXPECT_EQ(said(lint_of({{"preprocess", "zero_center: CHANNEL"}})), "");
  EXPECT_EQ(said(lint_of({{"training", kGood.at("training") + " early_stop {}"}}, good_facts(), 50)), "");
  LintFacts rare = good_facts();
  rare.class_samples[3] = 1;
  EXPECT_EQ(said(lint_of({{"training", kGood.at("training") + " balance: UP_SAMPLE"}}, rare)), "");
}

// Fine-tuning keeps the statistics of what its weights were trained on.
TEST(Lint, KnowsThatGivenWeightsBringTheirStatistics) {
  LintFacts colours = good_facts();
  colours.channels[2].mean = 0.33 * 255;
  EXPECT_EQ(said(lint_of({{"training", kGood.at("training") + " weights: \"w.safetensors\""}}, colours)), "");
}

TEST(Lint, SaysItOnceOfABlock) {
  const auto findings =
      lint_of({{"layers",
                "block { name: \"b\" layer { convolution { filters: 8 kernel: 5 padding: 2 } } layer { relu {} } }\n" +
                    layers_before("layer { use { block: \"b\" repeat: 3 } }\nlayer { dense { units: 4 } }")}});
  ASSERT_EQ(findings.size(), 1u) << said(findings);
  EXPECT_THAT(to_string(findings[0]),
              HasSubstr("layer \"b1.1/conv1\" (convolution) and 2 more of its block: a filter"));
}

TEST(Lint, TrainingShowsErrorsAsWarnings) {
  const auto findings = lint_of({{"layers", layers_before("layer { dense { units: 4 } }\nlayer { softmax {} }")}});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_THAT(to_string(findings[0]), HasSubstr(": error: "));
  EXPECT_THAT(to_string(findings[0], LintSeverity::warning), HasSubstr(": warning: "));
  EXPECT_THAT(lint_json(findings), HasSubstr("\"rule\":\"softmax-before-loss\""));
  EXPECT_THAT(lint_json(findings), HasSubstr("\"severity\":\"error\""));
}

} // namespace
} // namespace kiln::frontend
