// Emitted softmax and log-softmax where logits are huge or infinite, as rows, as lines side by side and in blocks.
#include "codegen/host_cpu.h"
#include "codegen/program.h"
#include "ir/text.h"
#include "passes/passes.h"
#include "passes/plan_memory.h"
#include "tests/support/program_run.h"

#include <array>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace kiln::codegen {
namespace {

using testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class SoftmaxEmission : public ::testing::TestWithParam<ir::IsaLevel> {
protected:
  void SetUp() override {
    if (GetParam() > host_isa_level()) GTEST_SKIP() << "this CPU lacks " << ir::name_of(GetParam());
  }

  // One line of five logits, among two others of zeros.
  static std::vector<float> line(const std::string& op, const std::string& type, int axis, bool blocked,
                                 const std::array<double, 5>& logits) {
    const ir::Target target = ir::target_for(GetParam());
    const std::string layout = fmt::format(" {{to=nchwc, block={}}}", target.vector_width);
    const auto module = ir::parse(fmt::format(
        "func @predict(%x: {0}) {{\n{1}%y = {2}({3}) {{axis={4}}}\nreturn y=%y\n}}\n", type,
        blocked ? fmt::format("%b = convert_layout(%x){}\n", layout) : "", op, blocked ? "%b" : "%x", axis));
    // Not through the pass manager, which would refuse blocked tensors beside plain ones before assign_layouts.
    const passes::PassOptions options{target};
    passes::choose_kernels(*module, options);
    passes::assign_layouts(*module, options);
    passes::separate_outputs(*module, options);
    const Program program(passes::plan_memory(*module, target), {});
    ir::Environment environment = test::environment_for(*module->functions()[0]);
    ir::Tensor& x = environment.inputs.at("x");
    // The line is the middle one of three: dims are [1,5,1,3], [3,5] or [5,3].
    const bool inner = x.dims.back() == 3;
    for (int64_t i = 0; i < x.elements(); ++i) {
      const int64_t c = inner ? i / 3 : i % 5, number = inner ? i % 3 : i / 5;
      x[i] = number == 1 ? logits[static_cast<size_t>(c)] : 0;
    }
    const test::ProgramRun run =
        test::run_program(program.description(), program.description().functions[0], environment, {1, true});
    std::vector<float> all(static_cast<size_t>(x.elements())), result;
    std::memcpy(all.data(), run.outputs[0].data(), all.size() * sizeof(float));
    for (int64_t c = 0; c < 5; ++c) result.push_back(all[static_cast<size_t>(inner ? c * 3 + 1 : 5 + c)]);
    return result;
  }

  static std::vector<std::vector<float>> everywhere(const std::string& op, const std::array<double, 5>& logits) {
    return {line(op, "f32[3,5]", 1, false, logits), line(op, "f32[5,3]", 0, false, logits),
            line(op, "f32[1,5,1,3]", 1, false, logits), line(op, "f32[1,5,1,3]", 1, true, logits)};
  }
};

TEST_P(SoftmaxEmission, TakesInfiniteAndHugeLogits) {
  for (const auto& y : everywhere("softmax", {-kInfinity, 3e38, -3e38, 3e38, -kInfinity}))
    EXPECT_THAT(y, ElementsAre(0, 0.5f, 0, 0.5f, 0));
  for (const auto& y : everywhere("log_softmax", {-kInfinity, 1e30, -1e30, 1e30, -kInfinity})) {
    EXPECT_EQ(y[0], -kInfinity);
    EXPECT_FLOAT_EQ(y[1], -std::log(2.0f));
    EXPECT_FLOAT_EQ(y[2], -2e30f);
    EXPECT_FLOAT_EQ(y[3], -std::log(2.0f));
    EXPECT_EQ(y[4], -kInfinity);
  }
}

TEST_P(SoftmaxEmission, OfNothingButMinusInfinityIsNaN) {
  for (const char* op : {"softmax", "log_softmax"})
    for (const auto& y : everywhere(op, {-kInfinity, -kInfinity, -kInfinity, -kInfinity, -kInfinity}))
      for (float value : y) EXPECT_TRUE(std::isnan(value)) << op;
}

INSTANTIATE_TEST_SUITE_P(Levels, SoftmaxEmission,
                         ::testing::Values(ir::IsaLevel::baseline, ir::IsaLevel::v3, ir::IsaLevel::v4),
                         [](const auto& info) {
                           return info.param == ir::IsaLevel::baseline ? "baseline" : std::string(name_of(info.param));
                         });

} // namespace
} // namespace kiln::codegen
