// Reading: positions, unknown names, binary files, damaged files.
#include "frontend/read_experiment.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::frontend {
namespace {

using testing::HasSubstr;

std::string write_file(const std::string& name, const std::string& bytes) {
  std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(ReadExperiment, KnowsWhereEveryFieldStands) {
  Diagnostics diagnostics;
  auto read = parse_experiment("network {\n"
                               "  layer { convolution { filters: 20 kernel: [5,\n"
                               "    3] } }\n"
                               "\tlayer { dense { units: 10 } }\n"
                               "}\n",
                               "net.textproto", diagnostics);
  ASSERT_TRUE(read);
  EXPECT_EQ(diagnostics.text(), "");
  auto at = [&](std::string_view path) { return read->positions.find(path); };
  EXPECT_EQ(at("network"), (Place{"net.textproto", 1, 1}));
  EXPECT_EQ(at("network.layer[0]"), (Place{"net.textproto", 2, 3}));
  EXPECT_EQ(at("network.layer[0].convolution.filters"), (Place{"net.textproto", 2, 25}));
  EXPECT_EQ(at("network.layer[0].convolution.kernel[1]"), (Place{"net.textproto", 2, 37}));
  // A tab is one column.
  EXPECT_EQ(at("network.layer[1].dense.units"), (Place{"net.textproto", 4, 18}));
  // What is absent is where it would stand.
  EXPECT_EQ(at("network.layer[1].dense.bias"), (Place{"net.textproto", 4, 10}));
  EXPECT_EQ(at("training.batch"), (Place{"net.textproto", 0, 0}));
}

TEST(ReadExperiment, MarksMessagesThatHoldUnknownNames) {
  Diagnostics diagnostics;
  auto read = parse_experiment("network { layer { dense { unitz: 3 } } layer { relu {} } }", "f", diagnostics);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->positions.is_damaged("network.layer[0].dense"));
  EXPECT_FALSE(read->positions.is_damaged("network.layer[0]"));
  EXPECT_FALSE(read->positions.is_damaged("network"));
  EXPECT_FALSE(read->positions.is_damaged("network.layer[1].relu"));
}

TEST(ReadExperiment, FindsTheNameAndNotItsLikeness) {
  // The parser reports the token after the name; the name is also a part of an earlier word and of a comment.
  Diagnostics diagnostics;
  parse_experiment("name: \"rate\" training { # rate\n  learning_rate {}\n rate\n : 3 }", "f", diagnostics);
  EXPECT_THAT(diagnostics.text(), HasSubstr("f:3:2: error: unknown field \"rate\" in training"));
}

TEST(ReadExperiment, AcceptsBinary) {
  proto::Experiment experiment;
  experiment.set_name("binary");
  experiment.mutable_training()->set_batch(7);
  Diagnostics diagnostics;
  auto read = read_experiment(write_file("good.pb", experiment.SerializeAsString()), diagnostics);
  ASSERT_TRUE(read) << diagnostics.text();
  EXPECT_EQ(read->message.training().batch(), 7);
  EXPECT_EQ(diagnostics.exit_code(), 0);
}

TEST(ReadExperiment, RefusesBinaryThatIsNone) {
  Diagnostics diagnostics;
  EXPECT_FALSE(read_experiment(write_file("bad.pb", "\x0a\xff garbage"), diagnostics));
  EXPECT_EQ(diagnostics.exit_code(), 3);
  // Field 99 of the experiment: from a newer schema.
  Diagnostics newer;
  EXPECT_FALSE(read_experiment(write_file("newer.pb", std::string("\x98\x06\x01", 3)), newer));
  EXPECT_THAT(newer.text(), HasSubstr("does not know"));
}

TEST(ReadExperiment, TellsWhyAFileCannotBeRead) {
  Diagnostics diagnostics;
  EXPECT_FALSE(read_experiment("/nonexistent/net.textproto", diagnostics));
  EXPECT_EQ(diagnostics.text(), "/nonexistent/net.textproto: error: cannot read: No such file or directory\n");
  EXPECT_EQ(diagnostics.exit_code(), 4);
  Diagnostics folder;
  EXPECT_FALSE(read_experiment("/tmp", folder));
  EXPECT_EQ(folder.exit_code(), 4);
}

// Cutting a good file anywhere, and changing any byte of it, must give a message or an experiment.
TEST(ReadExperiment, SurvivesDamage) {
  std::ifstream file(KILN_SOURCE_DIR "/examples/fashion_mnist/lenet.textproto");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  ASSERT_FALSE(text.empty());
  int refused = 0;
  for (size_t i = 0; i < text.size(); i += 3) {
    for (char replacement : {'\0', '{', '\xff', '"', '9', '\n'}) {
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
  EXPECT_GT(refused, 100);
}

TEST(Diagnostics, HaveATextAndAJsonForm) {
  Diagnostics diagnostics;
  Diagnostic diagnostic;
  diagnostic.place = {"net.textproto", 41, 5};
  diagnostic.layer = "fc6";
  diagnostic.layer_kind = "dense";
  diagnostic.message = "input is 256x5x5 = 6400 values, weights expect 9216";
  diagnostic.hint = "check the \"pooling\"";
  diagnostics.add(diagnostic);
  diagnostics.warning({"net.textproto", 3, 1}, "odd");
  EXPECT_EQ(diagnostics.text(), "net.textproto:3:1: warning: odd\n"
                                "net.textproto:41:5: error: layer \"fc6\" (dense): input is 256x5x5 = 6400 values, "
                                "weights expect 9216\n  hint: check the \"pooling\"\n");
  EXPECT_THAT(diagnostics.json(), HasSubstr(R"("hint":"check the \"pooling\"","kind":"model","layer":"fc6",)"
                                            R"("layer_kind":"dense","line":41)"));
  EXPECT_EQ(diagnostics.exit_code(), 3);
}

TEST(Diagnostics, ExitCodeIsThatOfTheFirstKindPresent) {
  Diagnostics diagnostics;
  EXPECT_EQ(diagnostics.exit_code(), 0);
  diagnostics.warning({}, "w");
  EXPECT_EQ(diagnostics.exit_code(), 0);
  diagnostics.error(ErrorKind::data, {}, "d");
  EXPECT_EQ(diagnostics.exit_code(), 4);
  diagnostics.error(ErrorKind::model, {}, "m");
  EXPECT_EQ(diagnostics.exit_code(), 3);
  diagnostics.error(ErrorKind::usage, {}, "u");
  EXPECT_EQ(diagnostics.exit_code(), 2);
}

} // namespace
} // namespace kiln::frontend
