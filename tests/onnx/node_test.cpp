// ONNX's own test data (Debian's libonnx-testdata), one test a folder.
// Each folder either passes or is named, with a reason, in not_run.txt; one that is named there must not pass.
#include "tests/onnx/node_case.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace kiln {
namespace {

const std::filesystem::path kData = KILN_ONNX_TEST_DATA;

const std::vector<test::NotRun>& not_run() {
  static const std::vector<test::NotRun> entries = test::read_not_run(KILN_SOURCE_DIR "/tests/onnx/not_run.txt");
  return entries;
}

bool is_listed(const std::string& name) {
  return std::any_of(not_run().begin(), not_run().end(), [&](const auto& entry) { return entry.covers(name); });
}

// "node/test_conv_with_strides_padding", ...
std::vector<std::string> folders(bool listed) {
  std::vector<std::string> names;
  for (const char* group : {"node", "pytorch-converted", "pytorch-operator", "simple"})
    for (const auto& entry : std::filesystem::directory_iterator(kData / group)) {
      std::string name = std::string(group) + "/" + entry.path().filename().string();
      if (is_listed(name) == listed) names.push_back(std::move(name));
    }
  std::sort(names.begin(), names.end());
  return names;
}

class OnnxNode : public testing::TestWithParam<std::string> {};

TEST_P(OnnxNode, GivesWhatItMust) {
  const test::NodeOutcome outcome = test::run_node_case(kData / GetParam());
  EXPECT_EQ(outcome.problem, "") << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Data, OnnxNode, testing::ValuesIn(folders(false)), [](const auto& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == '-'; }, '_');
  return name;
});

TEST(OnnxNotRun, NoneWouldPass) {
  for (const std::string& name : folders(true)) {
    const test::NodeOutcome outcome = test::run_node_case(kData / name);
    EXPECT_NE(outcome.problem, "") << name << " passes: take it out of not_run.txt";
  }
}

TEST(OnnxNotRun, EveryEntryNamesSomething) {
  const std::vector<std::string> names = folders(true);
  EXPECT_GT(names.size(), 0u);
  for (const test::NotRun& entry : not_run()) {
    EXPECT_TRUE(std::any_of(names.begin(), names.end(), [&](const auto& name) { return entry.covers(name); }))
        << entry.pattern;
    EXPECT_GE(entry.reason.size(), 10u) << entry.pattern;
  }
}

} // namespace
} // namespace kiln
