// Golden files: what each pass makes of a module, exactly, and that it still means the same.
// scripts/update-golden rewrites what is expected.
#include "ir/plan_text.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass_manager.h"
#include "passes/plan_memory.h"
#include "tests/support/ir_files.h"
#include "tests/support/reference_run.h"

#include <gtest/gtest.h>
#include <regex>

namespace kiln::passes {
namespace {

using test::GoldenFile;

const std::filesystem::path kGolden = KILN_SOURCE_DIR "/tests/golden";

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& path : test::ir_files(kGolden)) names.push_back(path.lexically_relative(kGolden).string());
  return names;
}

RunOptions options_for(const GoldenFile& golden) {
  RunOptions options;
  options.pass.target = ir::target_for(ir::parse_isa_level(golden.cpu).value());
  return options;
}

std::vector<std::string_view> passes_of(const GoldenFile& golden) {
  if (golden.passes.empty()) return {};
  return {golden.passes};
}

// As kiln-opt prints it.
std::string output_of(const GoldenFile& golden) {
  const auto module = ir::parse(golden.input);
  const RunOptions options = options_for(golden);
  EXPECT_EQ(ir::verify(*module, golden.plan ? &options.pass.target : nullptr).value_or("sound"), "sound");
  run_passes(*module, passes_of(golden), options);
  std::string text = ir::print(*module);
  if (golden.plan) {
    std::istringstream lines(ir::print(plan_memory(*module, options.pass.target)));
    for (std::string line; std::getline(lines, line);) text += "# " + line + "\n";
  }
  return text;
}

class Golden : public testing::TestWithParam<std::string> {
protected:
  GoldenFile golden_{kGolden / GetParam()};
};

TEST_P(Golden, IsWhatThePassMakes) { EXPECT_EQ(output_of(golden_), golden_.expected); }

TEST_P(Golden, RunsThePassItIsFiledUnder) {
  const std::string folder = std::filesystem::path(GetParam()).parent_path().string();
  EXPECT_EQ(golden_.plan ? "plan_memory" : golden_.passes, folder);
}

// keeps_ cases are the input printed, all others something else.
TEST_P(Golden, FiresUnlessItKeeps) {
  if (golden_.plan) return;
  const bool keeps = std::filesystem::path(GetParam()).filename().string().starts_with("keeps_");
  EXPECT_EQ(golden_.expected == ir::print(*ir::parse(golden_.input)), keeps);
}

// Fired once, a pass finds nothing more to do; it would not stand in a pipeline else.
TEST_P(Golden, IsSettledAfterOneRun) {
  const auto module = ir::parse(golden_.expected);
  run_passes(*module, passes_of(golden_), options_for(golden_));
  EXPECT_EQ(ir::print(*module), ir::print(*ir::parse(golden_.expected)));
}

// Outputs and updated states by name; outputs and states that the pass takes away or adds are no concern of the rest.
TEST_P(Golden, MeansTheSame) {
  // Running statistics are not those of the batch: other values are what this pass is for.
  if (golden_.passes == "use_running_statistics") return;
  std::string input = golden_.input;
  // Dropout is the identity outside training by definition: what it is removed from must drop nothing to compare.
  if (golden_.passes == "eliminate_dropout") input = std::regex_replace(input, std::regex("drop=[0-9.]+"), "drop=0");
  if (golden_.passes == "fix_rrelu_slope")
    input = std::regex_replace(input, std::regex("lower=3, upper=8"), "lower=5.5, upper=5.5");
  const auto before = ir::parse(input);
  const auto after = ir::parse(input);
  run_passes(*after, passes_of(golden_), options_for(golden_));
  ASSERT_EQ(before->functions().size(), after->functions().size());
  // Where the optimiser comes in, states change for the first time.
  const bool compare_states = golden_.passes != "append_optimizer";
  for (const auto& function : before->functions()) {
    // Its running means take the place of weights, which only begin alike.
    if (before->optimizer.average_decay > 0 && function->name() != "train_step") continue;
    const test::ReferenceRun expected(*function);
    const test::ReferenceRun got(*after->find_function(function->name()));
    size_t compared = 0;
    for (const auto& [name, tensor] : expected.outputs) {
      if (!got.outputs.contains(name)) continue;
      EXPECT_LE(test::difference(tensor, got.outputs.at(name)), 1e-12) << function->name() << " output " << name;
      ++compared;
    }
    EXPECT_TRUE(compared > 0 || expected.outputs.empty()) << function->name();
    if (!compare_states) continue;
    for (const auto& [name, tensor] : expected.states)
      if (got.states.contains(name)) {
        EXPECT_LE(test::difference(tensor, got.states.at(name)), 1e-12) << function->name() << " state " << name;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(golden_names()), [](const auto& info) {
  return std::regex_replace(info.param.substr(0, info.param.size() - 3), std::regex("[^A-Za-z0-9]"), "_");
});

} // namespace
} // namespace kiln::passes
