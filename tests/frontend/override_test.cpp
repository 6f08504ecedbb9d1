// Overrides: what they change, what they refuse, and where positions point afterwards.
#include "frontend/override.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontend/suggest.h"

namespace kiln::frontend {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kText = "name: \"net\"\n"
                              "network {\n"
                              "  layer { convolution { filters: 8 kernel: [3, 5] } }\n"
                              "  layer { name: \"block.relu\" relu {} }\n"
                              "  layer { name: \"block\" dense { units: 10 } }\n"
                              "}\n"
                              "training { batch: 64 learning_rate { step { every: 2 } } }\n";

class Override : public testing::Test {
protected:
  Override() : read(*parse_experiment(kText, "net.textproto", diagnostics)) {}

  void set(const std::string& setting) { apply_overrides({setting}, read, diagnostics); }
  // The one error of a setting that must fail and change nothing.
  std::string refused(const std::string& setting) {
    std::string before = read.message.SerializeAsString();
    Diagnostics errors;
    apply_overrides({setting}, read, errors);
    EXPECT_EQ(errors.exit_code(), 2);
    EXPECT_EQ(read.message.SerializeAsString(), before);
    return errors.text();
  }

  Diagnostics diagnostics;
  ReadExperiment read;
};

TEST_F(Override, ChangesScalarsOfEveryType) {
  set("training.batch=32");
  set("training.seed = 18446744073709551615");
  set("training.shuffle=false");
  set("training.tail=WRAP");
  set("training.sgd.momentum=9e-1");
  EXPECT_EQ(diagnostics.text(), "");
  const proto::Training& training = read.message.training();
  EXPECT_EQ(training.batch(), 32);
  EXPECT_EQ(training.seed(), 18446744073709551615u);
  EXPECT_FALSE(training.shuffle());
  EXPECT_EQ(training.tail(), proto::WRAP);
  EXPECT_EQ(training.sgd().momentum(), 0.9);
}

TEST_F(Override, TakesStringsWithAndWithoutQuotes) {
  set("name=plain text = with equals");
  EXPECT_EQ(read.message.name(), "plain text = with equals");
  set("name=\"quoted\\ttext\"");
  EXPECT_EQ(read.message.name(), "quoted\ttext");
  set("data.idx.train_images=/data/a.gz");
  EXPECT_EQ(read.message.data().idx().train_images(), "/data/a.gz");
}

TEST_F(Override, FindsLayersByGivenAndDerivedNameAndByIndex) {
  set("network.layer.conv1.convolution.filters=16");
  set("network.layer.block.dense.units=20");
  set("network.layer[1].input=conv1");
  EXPECT_EQ(diagnostics.text(), "");
  EXPECT_EQ(read.message.network().layer(0).convolution().filters(), 16);
  EXPECT_EQ(read.message.network().layer(2).dense().units(), 20);
  EXPECT_THAT(read.message.network().layer(1).input(), ElementsAre("conv1"));
}

TEST_F(Override, TakesTheLongestLayerNameWithDots) {
  set("network.layer.block.relu.leaky_relu.slope=0.5");
  EXPECT_EQ(diagnostics.text(), "");
  EXPECT_EQ(read.message.network().layer(1).leaky_relu().slope(), 0.5);
  EXPECT_FALSE(read.message.network().layer(1).has_relu());
}

TEST_F(Override, ReplacesListsAndElements) {
  auto kernel = [&] { return read.message.network().layer(0).convolution().kernel(); };
  set("network.layer.conv1.convolution.kernel[1]=7");
  EXPECT_THAT(kernel(), ElementsAre(3, 7));
  set("network.layer.conv1.convolution.kernel=[1, 2]");
  EXPECT_THAT(kernel(), ElementsAre(1, 2));
  set("network.layer.conv1.convolution.kernel=4");
  EXPECT_THAT(kernel(), ElementsAre(4));
  set("network.layer.conv1.convolution.kernel[1]=6");
  EXPECT_THAT(kernel(), ElementsAre(4, 6));
  set("data.class_name=[cat, \"a, b\"]");
  EXPECT_THAT(read.message.data().class_name(), ElementsAre("cat", "a, b"));
  set("data.class_name=[]");
  EXPECT_TRUE(read.message.data().class_name().empty());
}

TEST_F(Override, SwitchesOneofs) {
  set("training.learning_rate.cosine={}");
  EXPECT_TRUE(read.message.training().learning_rate().has_cosine());
  EXPECT_FALSE(read.message.training().learning_rate().has_step());
  set("training.learning_rate.multistep={ milestone: [3, 4] gamma: 0.5 }");
  EXPECT_THAT(read.message.training().learning_rate().multistep().milestone(), ElementsAre(3, 4));
  EXPECT_EQ(diagnostics.text(), "");
}

TEST_F(Override, MovesPositions) {
  set("training.batch=32");
  set("training.learning_rate.cosine.floor=1");
  EXPECT_EQ(read.positions.find("training.batch"), (Place{"--set training.batch=32", 0, 0}));
  EXPECT_EQ(read.positions.find("training.learning_rate.cosine"),
            (Place{"--set training.learning_rate.cosine.floor=1", 0, 0}));
  EXPECT_EQ(read.positions.find("training.learning_rate.start").line, 7);
  set("network.layer.conv1.convolution.kernel=[1, 2]");
  EXPECT_EQ(read.positions.find("network.layer[0].convolution.kernel[1]").line, 0);
  EXPECT_EQ(read.positions.find("network.layer[0].convolution.filters").line, 3);
}

TEST_F(Override, RefusesWhatItDoesNotUnderstand) {
  EXPECT_THAT(refused("training.bach=3"),
              HasSubstr("unknown field \"bach\" in training\n  hint: did you mean \"batch\"?"));
  EXPECT_THAT(refused("network.layer.conf1.convolution.filters=3"), HasSubstr("did you mean \"conv1\"?"));
  EXPECT_THAT(refused("training.batch=x"), HasSubstr("batch: expected integer, got: x"));
  EXPECT_THAT(refused("training.batch=3 4"), HasSubstr("\"3 4\" is not one value"));
  EXPECT_THAT(refused("training.batch="), HasSubstr("got: nothing"));
  EXPECT_THAT(refused("training.tail=DRIP"), HasSubstr("did you mean \"DROP\"?"));
  EXPECT_THAT(refused("training.batch"), HasSubstr("expected a path, =, and a value"));
  EXPECT_THAT(refused("=3"), HasSubstr("expected a path, =, and a value"));
  EXPECT_THAT(refused("training=3"), HasSubstr("training holds fields, not a value"));
  EXPECT_THAT(refused("training.batch.size=3"), HasSubstr("batch holds no fields"));
  EXPECT_THAT(refused("training.batch[0]=3"), HasSubstr("batch is not a list"));
  EXPECT_THAT(refused("network.layer=3"), HasSubstr("layer cannot be replaced as a whole"));
  EXPECT_THAT(refused("network.layer[3].relu={}"), HasSubstr("there is no [3]"));
  EXPECT_THAT(refused("network.layer[x].relu={}"), HasSubstr("is not an index"));
  EXPECT_THAT(refused("network.layer[99999999999].relu={}"), HasSubstr("is not an index"));
  EXPECT_THAT(refused("network.layer[0=3"), HasSubstr("is not an index"));
  EXPECT_THAT(refused("network.layer[0]convolution=3"), HasSubstr("no continuation"));
  EXPECT_THAT(refused("training.=3"), HasSubstr("no continuation"));
  EXPECT_THAT(refused("network.layer.conv1.convolution.kernel=[1,x]"), HasSubstr("expected integer"));
  EXPECT_THAT(refused("network.layer.conv1.convolution.kernel=[1,]"), HasSubstr("got: nothing"));
  EXPECT_THAT(refused("network.layer.conv1.convolution.kernel[4]=1"), HasSubstr("there is no [4]"));
  EXPECT_THAT(refused("training.sgd={ speed: 3 }"), HasSubstr("no field named \"speed\""));
}

TEST(Suggest, CountsSlips) {
  EXPECT_EQ(edit_distance("kernel", "kernel"), 0);
  EXPECT_EQ(edit_distance("kernal", "kernel"), 1);
  EXPECT_EQ(edit_distance("kenrel", "kernel"), 1);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", "ca"), 3);
  EXPECT_EQ(nearest("kenrel", {"stride", "kernel", "kernels"}), "kernel");
  EXPECT_EQ(nearest("Floor", {"CEIL", "FLOOR"}), "FLOOR");
  EXPECT_EQ(nearest("zzz", {"stride", "kernel"}), "");
}

} // namespace
} // namespace kiln::frontend
