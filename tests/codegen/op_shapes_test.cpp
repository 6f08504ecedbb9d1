// Every op over its shapes (tests/shapes/*.ir), and those that take an epilogue with one (tests/fused_shapes): text,
// gradient rules, and emitted code at each level this machine has.
#include "codegen/host_cpu.h"
#include "tests/support/op_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace kiln::test {
namespace {

const std::string kFolder = KILN_SOURCE_DIR "/tests/shapes";
const std::string kFusedFolder = KILN_SOURCE_DIR "/tests/fused_shapes";

class OpShapes : public ::testing::TestWithParam<OpCase> {};
class FusedShapes : public ::testing::TestWithParam<OpCase> {};

std::string name_of(const OpCase& op_case) { return op_case.file + "_" + op_case.function; }

void expect_agreement(const std::string& folder, const OpCase& op_case, std::string_view suite) {
  const OpCheck check(folder, op_case);
  std::vector<std::string> findings = check.round_trip();
  const auto add = [&](const Findings& more) { findings.insert(findings.end(), more.begin(), more.end()); };
  add(check.gradient());
  for (ir::IsaLevel level : {ir::IsaLevel::baseline, ir::IsaLevel::v3, ir::IsaLevel::v4})
    if (level <= codegen::host_isa_level()) add(check.emitted(level));
  EXPECT_TRUE(findings.empty()) << fmt::format("{}", fmt::join(findings, "\n"))
                                << fmt::format("\nreplay: codegen_test --gtest_filter='*/{}.*/{}'", suite,
                                               name_of(op_case));
}

TEST_P(OpShapes, AgreesWithTheReference) { expect_agreement(kFolder, GetParam(), "OpShapes"); }
TEST_P(FusedShapes, AgreesWithTheReference) { expect_agreement(kFusedFolder, GetParam(), "FusedShapes"); }

INSTANTIATE_TEST_SUITE_P(Shapes, OpShapes, ::testing::ValuesIn(op_cases(kFolder)),
                         [](const auto& info) { return name_of(info.param); });
INSTANTIATE_TEST_SUITE_P(Shapes, FusedShapes, ::testing::ValuesIn(op_cases(kFusedFolder)),
                         [](const auto& info) { return name_of(info.param); });

} // namespace
} // namespace kiln::test
