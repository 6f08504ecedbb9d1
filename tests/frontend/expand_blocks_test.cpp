// Blocks: what uses become, how layers in them are called and wired, and where positions lead.
#include "frontend/expand_blocks.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontend/importer.h"
#include "frontend/integer_expression.h"
#include "frontend/layer_names.h"
#include "frontend/read_experiment.h"
#include "frontend/render.h"
#include "frontend/resolve.h"

namespace kiln::frontend {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The resolved network of `network { <body> }`, which must be right.
proto::Network network_of(const std::string& body) {
  Diagnostics diagnostics;
  std::optional<ReadExperiment> read = parse_experiment("network {\n" + body + "\n}\n", "f", diagnostics);
  EXPECT_EQ(diagnostics.text(), "");
  if (!read) return {};
  resolve(read->message, "f");
  return read->message.network();
}

// "name(input, input)" of each layer.
std::vector<std::string> wiring(const proto::Network& network) {
  std::vector<std::string> lines;
  for (const proto::Layer& layer : network.layer()) {
    std::string inputs;
    for (const std::string& input : layer.input()) inputs += (inputs.empty() ? "" : ", ") + input;
    lines.push_back(layer.name() + "(" + inputs + ")");
  }
  return lines;
}

std::vector<std::string> wiring_of(const std::string& body) { return wiring(network_of(body)); }

TEST(Blocks, BecomeLayersNamedByTheirPath) {
  EXPECT_THAT(wiring_of(R"(
                block { name: "b" layer { convolution { filters: 1 kernel: 1 } } layer { batch_norm {} } layer { relu {} } }
                layer { relu {} }
                layer { name: "stage" use { block: "b" } }
                layer { use { block: "b" } }
                layer { use { block: "b" } }
                layer { relu {} })"),
              ElementsAre("relu1(image)", "stage/conv1(relu1)", "stage/bn1(stage/conv1)", "stage/relu1(stage/bn1)",
                          "b2/conv1(stage/relu1)", "b2/bn1(b2/conv1)", "b2/relu1(b2/bn1)", "b3/conv1(b2/relu1)",
                          "b3/bn1(b3/conv1)", "b3/relu1(b3/bn1)", "relu2(b3/relu1)"));
}

TEST(Blocks, RepeatAndChain) {
  EXPECT_THAT(wiring_of(R"(
                block { name: "b" layer { relu {} } layer { add {} input: ["relu1", "input"] } }
                layer { name: "s" use { block: "b" repeat: 3 } }
                layer { add {} input: ["s", "s.1"] }
                layer { relu {} input: "s.2/relu1" })"),
              ElementsAre("s.1/relu1(image)", "s.1/add1(s.1/relu1, image)", "s.2/relu1(s.1/add1)",
                          "s.2/add1(s.2/relu1, s.1/add1)", "s.3/relu1(s.2/add1)", "s.3/add1(s.3/relu1, s.2/add1)",
                          "add1(s.3/add1, s.1/add1)", "relu1(s.2/relu1)"));
}

TEST(Blocks, RepeatKeepsFurtherInputs) {
  EXPECT_THAT(wiring_of(R"(
                block { name: "b" input: ["x", "skip"] layer { add {} input: ["x", "skip"] } }
                layer { relu {} }
                layer { name: "s" use { block: "b" repeat: 2 } input: ["relu1", "image"] })"),
              ElementsAre("relu1(image)", "s.1/add1(relu1, image)", "s.2/add1(s.1/add1, image)"));
}

TEST(Blocks, MayNameTheirOutput) {
  EXPECT_THAT(wiring_of(R"(
                block { name: "b" layer { relu {} } layer { tanh {} } output: "relu1" }
                layer { name: "s" use { block: "b" } }
                layer { relu {} })"),
              ElementsAre("s/relu1(image)", "s/tanh1(s/relu1)", "relu1(s/relu1)"));
}

TEST(Blocks, UseBlocksInAnyOrder) {
  EXPECT_THAT(wiring_of(R"(
                layer { name: "s" use { block: "outer" times: 2 } }
                layer { relu {} input: "s/i.1/relu1" }
                block {
                  name: "outer"
                  parameter { name: "times" }
                  layer { name: "i" use { block: "inner" repeat: $times } }
                  layer { add {} input: ["i", "input"] }
                }
                block { name: "inner" layer { relu {} } })"),
              ElementsAre("s/i.1/relu1(image)", "s/i.2/relu1(s/i.1/relu1)", "s/add1(s/i.2/relu1, image)",
                          "relu1(s/i.1/relu1)"));
}

TEST(Blocks, SeeTheNetworksInputs) {
  EXPECT_THAT(wiring_of(R"(
                input { name: "depth" dims: [1, 4, 4] }
                block { name: "b" layer { add {} input: ["image", "depth"] } layer { add {} input: ["input", "add1"] } }
                layer { relu {} }
                layer { use { block: "b" } })"),
              ElementsAre("relu1(image)", "b1/add1(image, depth)", "b1/add2(relu1, b1/add1)"));
}

TEST(Blocks, TakeValuesOfEveryForm) {
  const proto::Network network = network_of(R"(
    block {
      name: "b"
      parameter { name: "kernel" }
      parameter { name: "width" }
      parameter { name: "filters" default: $(2 * width) }
      parameter { name: "bias" default: true }
      parameter { name: "rounding" }
      parameter { name: "slope" }
      parameter { name: "called" }
      layer { name: $called convolution { filters: $filters kernel: $kernel padding: [$width, $(width - 1)] bias: $bias } }
      layer { leaky_relu { slope: $slope } }
      layer { max_pool { kernel: 2 rounding: $rounding } }
    }
    layer { name: "s" use {
      block: "b" kernel: [3, 5] width: 4 bias: false rounding: CEIL slope: -0.25 called: "c" "d"
    } })");
  ASSERT_EQ(network.layer_size(), 3);
  EXPECT_EQ(network.layer(0).name(), "s/cd");
  const proto::Convolution& convolution = network.layer(0).convolution();
  EXPECT_EQ(convolution.filters(), 8);
  EXPECT_THAT(convolution.kernel(), ElementsAre(3, 5));
  EXPECT_THAT(convolution.padding(), ElementsAre(4, 3, 4, 3));
  EXPECT_FALSE(convolution.bias());
  EXPECT_EQ(network.layer(1).leaky_relu().slope(), -0.25);
  EXPECT_EQ(network.layer(2).max_pool().rounding(), proto::CEIL);
}

TEST(Blocks, CountRepetitions) {
  const proto::Network network = network_of(R"(
    block { name: "b" layer { convolution { filters: $(8 * index) kernel: $index } } }
    layer { use { block: "b" repeat: 3 } })");
  ASSERT_EQ(network.layer_size(), 3);
  EXPECT_EQ(network.layer(2).convolution().filters(), 24);
  EXPECT_EQ(network.layer(1).convolution().kernel(0), 2);
}

TEST(Blocks, LookUpNamesWhereTheyWereWritten) {
  // `from` means a layer of the network, though the block has one of the same name.
  EXPECT_THAT(wiring_of(R"(
                block {
                  name: "b"
                  parameter { name: "from" }
                  layer { relu {} }
                  layer { add {} input: ["relu1", $from] }
                }
                block { name: "o" parameter { name: "from" } layer { use { block: "b" from: $from } } }
                layer { relu {} }
                layer { relu {} }
                layer { name: "s" use { block: "o" from: "relu1" } })"),
              ElementsAre("relu1(image)", "relu2(relu1)", "s/b1/relu1(relu2)", "s/b1/add1(s/b1/relu1, relu1)"));
}

TEST(Blocks, ShareLayerByLayer) {
  const proto::Network network = network_of(R"(
    block {
      name: "tower"
      layer { convolution { filters: 4 kernel: 3 } }
      layer { relu {} }
      layer { convolution { filters: 4 kernel: 3 } share: "conv1" }
      layer { use { block: "inner" } }
    }
    block { name: "inner" layer { batch_norm {} } }
    layer { name: "left" use { block: "tower" repeat: 2 } }
    layer { name: "right" use { block: "tower" repeat: 2 } share: "left" input: "image" })");
  std::vector<std::string> shares;
  for (const proto::Layer& layer : network.layer())
    for (const std::string& share : layer.share()) shares.push_back(layer.name() + " " + share);
  EXPECT_THAT(shares, ElementsAre("left.1/conv2 left.1/conv1", "left.2/conv2 left.2/conv1", //
                                  "right.1/conv1 left.1/conv1", "right.1/conv2 right.1/conv1",
                                  "right.1/inner1/bn1 left.1/inner1/bn1", "right.2/conv1 left.2/conv1",
                                  "right.2/conv2 right.2/conv1", "right.2/inner1/bn1 left.2/inner1/bn1"));
}

TEST(Blocks, LeaveTextWithoutThemAlone) {
  for (const char* text : {"", "network { layer {", "use block", "# block { $x }\nname: \"$(\"", "\xff\xfe"}) {
    Diagnostics diagnostics;
    std::optional<Expansion> expansion = expand_blocks(text, "f", diagnostics);
    ASSERT_TRUE(expansion);
    EXPECT_EQ(expansion->text.text(), text);
    EXPECT_EQ(diagnostics.text(), "");
  }
}

TEST(Blocks, LeadBackToWhatWasWritten) {
  const std::string text = "network {\n"
                           "\tblock { name: \"b\" parameter { name: \"f\" }\n"
                           "\t\tlayer { convolution { filters: $f kernel: 3 } } }\n"
                           "  block { name: \"o\" layer { use { block: \"b\" f: 4 } } }\n"
                           "  layer { relu {} }\n"
                           "  layer { use { block: \"o\" } }\n"
                           "}\n"
                           "training { batch: 3 }\n";
  Diagnostics diagnostics;
  auto read = parse_experiment(text, "net", diagnostics);
  ASSERT_TRUE(read) << diagnostics.text();
  auto at = [&](std::string_view path) { return read->positions.find(path); };
  EXPECT_EQ(at("network.layer[0].relu"), (Place{"net", 5, 11}));
  EXPECT_EQ(at("training.batch"), (Place{"net", 8, 12}));
  const std::vector<Place::Use> uses{{"b", 4, 29}, {"o", 6, 11}};
  EXPECT_EQ(at("network.layer[1]"), (Place{"net", 3, 3, uses}));
  EXPECT_EQ(at("network.layer[1].convolution.filters"), (Place{"net", 3, 25, uses}));
  EXPECT_EQ(at("network.layer[1].convolution.kernel"), (Place{"net", 3, 37, uses}));
}

TEST(Blocks, AreToldOnceWithTheirUsesInJsonToo) {
  Diagnostics diagnostics;
  parse_experiment("network {\n"
                   "  block { name: \"b\" layer { relu { slope: 1 } } }\n"
                   "  layer { use { block: \"b\" repeat: 9 } }\n"
                   "  layer { use { block: \"b\" } }\n"
                   "}\n",
                   "net", diagnostics);
  EXPECT_EQ(diagnostics.sorted().size(), 1u);
  EXPECT_THAT(diagnostics.text(), HasSubstr("net:2:36: error: unknown field \"slope\" in relu\n"
                                            "  in block \"b\", used here: net:3:11\n"
                                            "  in block \"b\", used here: net:4:11\n"));
  EXPECT_THAT(diagnostics.json(), HasSubstr(R"("uses":[{"block":"b","column":11,"line":3},)"
                                            R"({"block":"b","column":11,"line":4}])"));
}

// A rendered experiment is the same experiment, without blocks.
TEST(Blocks, AreGoneInARenderedExperiment) {
  const std::string text = R"(
    network {
      block { name: "b" parameter { name: "f" } layer { convolution { filters: $f kernel: 3 } } layer { relu {} } }
      layer { name: "s" use { block: "b" f: 4 repeat: 2 } }
      layer { use { block: "b" f: 4 } share: "s.2" input: "s.1" }
      layer { concat {} input: ["s", "b2"] }
      layer { dense { units: 10 } }
      layer { softmax_cross_entropy {} }
      output: "s"
    }
    data { image { height: 9 } } training { batch: 2 epochs: 1 sgd {} })";
  Diagnostics diagnostics;
  auto first = parse_experiment(text, "f", diagnostics);
  ASSERT_TRUE(first);
  resolve(first->message, "f");
  auto second = parse_experiment(render(first->message), "f", diagnostics);
  ASSERT_TRUE(second) << diagnostics.text();
  resolve(second->message, "f");
  EXPECT_EQ(first->message.network().block_size(), 0);
  EXPECT_EQ(first->message.SerializeAsString(), second->message.SerializeAsString());
  EXPECT_THAT(first->message.network().output(), ElementsAre("s.2/relu1"));
}

TEST(Blocks, ExistInTextAlone) {
  proto::Experiment experiment;
  experiment.mutable_network()->add_layer()->mutable_use()->set_block("b");
  const std::string path = testing::TempDir() + "blocks.pb";
  std::ofstream(path, std::ios::binary) << experiment.SerializeAsString();
  Diagnostics diagnostics;
  EXPECT_FALSE(read_experiment(path, diagnostics));
  EXPECT_THAT(diagnostics.text(), HasSubstr("holds blocks, which only text can"));
}

// Cutting text with blocks anywhere, and changing any byte of it, must give a message or an experiment.
TEST(Blocks, SurviveDamage) {
  const std::string text = R"(network {
  input { name: "depth" dims: [1, 2] }
  block { name: "b" parameter { name: "f" default: [3, $(1 + 2)] } input: ["x", "y"] output: "relu1"
    layer { convolution { filters: $(2 * index) kernel: $f } share: "c" } layer { relu {} input: $f } }
  block { name: "c" layer { name: "n" use { block: "b" f: -4 repeat: 2 } input: ["image", "input"] } }
  layer { use { block: "c" } } output: "c1" }
)";
  int refused = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    for (char replacement : {'\0', '{', '}', '\xff', '"', '9', '\n', '$', '(', '-'}) {
      std::string damaged = text;
      damaged[i] = replacement;
      Diagnostics diagnostics;
      auto read = parse_experiment(damaged, "damaged", diagnostics);
      EXPECT_TRUE(read || diagnostics.exit_code() == 3);
      refused += diagnostics.exit_code() == 3;
    }
    Diagnostics cut;
    auto read = parse_experiment(text.substr(0, i), "cut", cut);
    EXPECT_TRUE(read || cut.exit_code() == 3);
  }
  EXPECT_GT(refused, 1000);
}

TEST(IntegerExpression, Computes) {
  auto lookup = [](std::string_view name) -> IntegerResult {
    return name == "width" ? IntegerResult{12, {}, {}} : IntegerResult{0, "unknown", {}};
  };
  auto value = [&](std::string_view text) { return evaluate_expression(text, lookup).value; };
  auto problem = [&](std::string_view text) { return evaluate_expression(text, lookup).problem; };
  EXPECT_EQ(value("4 * width"), 48);
  EXPECT_EQ(value("2+3*4-10/3"), 11);
  EXPECT_EQ(value("(2+3)*-4"), -20);
  EXPECT_EQ(value("-7 / 2"), -3);
  EXPECT_EQ(value("-7 % 2"), -1);
  EXPECT_EQ(value("20 - 5 - 3"), 12);
  EXPECT_EQ(value("0x10 + 010"), 24);
  EXPECT_EQ(problem("1 / (width - 12)"), "1 is divided by zero");
  EXPECT_EQ(problem("5 % 0"), "5 is divided by zero");
  EXPECT_EQ(problem("9223372036854775807 + 1"), "the result does not fit in 64 bits");
  EXPECT_EQ(problem("(0 - 9223372036854775807 - 1) / -1"), "the result does not fit in 64 bits");
  EXPECT_EQ(problem("height"), "unknown");
  EXPECT_EQ(problem("1 2"), "unexpected \"2\" in an expression");
  EXPECT_EQ(problem(""), "the expression ends too early");
  EXPECT_EQ(problem("99999999999999999999"), "\"99999999999999999999\" is no whole number within 64 bits");
  EXPECT_EQ(problem(std::string(200, '(')), "the expression is nested too deeply");
}

} // namespace
} // namespace kiln::frontend
