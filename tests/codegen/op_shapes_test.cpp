// Every op over its shapes (tests/shapes/*.ir): text, gradient rules, and emitted code at each level this machine has.
#include "codegen/host_cpu.h"
#include "tests/support/op_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace kiln::test {
namespace {

const std::string kFolder = KILN_SOURCE_DIR "/tests/shapes";

class OpShapes : public ::testing::TestWithParam<OpCase> {};

std::string name_of(const OpCase& op_case) { return op_case.file + "_" + op_case.function; }

TEST_P(OpShapes, AgreesWithTheReference) {
  const OpCheck check(kFolder, GetParam());
  std::vector<std::string> findings = check.round_trip();
  const auto add = [&](const Findings& more) { findings.insert(findings.end(), more.begin(), more.end()); };
  add(check.gradient());
  for (ir::IsaLevel level : {ir::IsaLevel::baseline, ir::IsaLevel::v3, ir::IsaLevel::v4})
    if (level <= codegen::host_isa_level()) add(check.emitted(level));
  EXPECT_TRUE(findings.empty()) << fmt::format("{}", fmt::join(findings, "\n"))
                                << "\nreplay: codegen_test --gtest_filter='*/OpShapes.*/" << name_of(GetParam()) << "'";
}

INSTANTIATE_TEST_SUITE_P(Shapes, OpShapes, ::testing::ValuesIn(op_cases(kFolder)),
                         [](const auto& info) { return name_of(info.param); });

} // namespace
} // namespace kiln::test
