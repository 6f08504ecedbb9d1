// Random networks against the reference, and the tools for that: what the generator covers, that the checks find what
// is wrong, that shrinking makes networks small. tests/random_networks runs more seeds.
#include "tests/support/random_network.h"

#include "codegen/host_cpu.h"
#include "codegen/program.h"
#include "ir/op.h"
#include "ir/text.h"
#include "passes/pass_manager.h"
#include "passes/pipeline.h"
#include "passes/plan_memory.h"
#include "tests/support/in_child.h"
#include "tests/support/network_check.h"
#include "tests/support/program_run.h"
#include "tests/support/random_check.h"
#include "tests/support/shrink.h"
#include "tests/support/step_check.h"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

namespace kiln::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// Ten seeds each, so that they run side by side.
class RandomNetworks : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomNetworks, AgreeWithTheReference) {
  for (uint64_t seed = GetParam(); seed < GetParam() + 10; ++seed)
    EXPECT_EQ(check_random_network(seed, codegen::host_isa_level()), "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomNetworks, ::testing::Values(1, 11, 21, 31, 41));

TEST(RandomNetworksAtBaseline, AgreeWithTheReference) {
  for (uint64_t seed = 51; seed <= 56; ++seed) EXPECT_EQ(check_random_network(seed, ir::IsaLevel::baseline), "");
}

TEST(RandomNetwork, IsAFunctionOfTheSeed) {
  EXPECT_EQ(random_network(7).training, random_network(7).training);
  EXPECT_EQ(random_network(7).inference, random_network(7).inference);
  EXPECT_NE(random_network(7).training, random_network(8).training);
}

struct Seen {
  std::set<std::string_view> ops;
  std::set<ir::Kernel> kernels;

  void add(const ir::Module& module) {
    for (const auto& function : module.functions())
      for (const auto& node : function->nodes()) {
        ops.insert(node->op().name);
        kernels.insert(node->kernel);
      }
  }
};

// As written or as the passes make them: with weights known and unknown, and every kernel. A new op needs a line in
// random_network.cpp.
TEST(RandomNetwork, HoldsEveryOpAndKernel) {
  const ir::Target target = ir::target_for(ir::IsaLevel::v4);
  Seen written, optimised;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const RandomNetwork network = random_network(seed);
    for (const std::string& text : {network.training, network.inference}) {
      const auto module = ir::parse(text);
      written.add(*module);
      const bool trains = module->find_function("train_step") != nullptr;
      passes::run_passes(*module, trains ? passes::training_pipeline() : passes::inference_pipeline(), {{target}, {}});
      optimised.add(*module);
    }
  }
  for (const Production& production : productions()) {
    EXPECT_NE(ir::find_op(production.op), nullptr) << production.op;
    EXPECT_THAT(written.ops, Contains(production.op));
  }
  std::set<std::string_view> ops = written.ops;
  ops.insert(optimised.ops.begin(), optimised.ops.end());
  for (const ir::OpInfo& op : ir::all_ops()) EXPECT_THAT(ops, Contains(op.name)) << "no way to grow it";
  for (int kernel = static_cast<int>(ir::Kernel::unset) + 1; !ir::name_of(static_cast<ir::Kernel>(kernel)).empty();
       ++kernel) {
    EXPECT_THAT(optimised.kernels, Contains(static_cast<ir::Kernel>(kernel)))
        << ir::name_of(static_cast<ir::Kernel>(kernel));
    if (static_cast<ir::Kernel>(kernel) == ir::Kernel::tiled) break;
  }
}

constexpr std::string_view kSmall = R"(
  state @w : f32[3,5] {role=parameter, init=uniform(-0.5,0.5), stream=0x2a}
  func @train_step(%x: f32[2,5], %target: f32[2,3]) {
    %y = dense(%x, @w)
    %z = leaky_relu(%y) {slope=0.25}
    %losses = mean_squared_error(%z, %target)
    %loss = reduce_mean(%losses)
    return loss=%loss, z=%z
  })";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  return text.replace(text.find(what), what.size(), by);
}

TEST(NetworkCheck, PassesWhatIsRight) {
  EXPECT_TRUE(check_network(std::string(kSmall), NetworkCheckOptions{}).empty());
}

TEST(NetworkCheck, FindsAnotherNetwork) {
  const auto findings =
      check_network(std::string(kSmall), replaced(std::string(kSmall), "slope=0.25", "slope=0.2501"), {});
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].kind, "passes");
  EXPECT_THAT(findings[0].text, HasSubstr("differs by"));
}

TEST(NetworkCheck, FindsWhatDoesNotCompile) {
  const std::string text = replaced(std::string(kSmall), "return loss=%loss, z=%z", "return z=%z");
  const auto findings = check_network(text, NetworkCheckOptions{});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind, "exception");
  EXPECT_THAT(findings[0].text, HasSubstr("no output named loss"));
}

// A step that is not the reference of its node: here because the check is told of another input than the run has.
TEST(StepCheck, FindsTheStepThatIsWrong) {
  const auto module = ir::parse("func @predict(%x: f32[3,17]) {\n%y = relu(%x)\n%z = tanh(%y)\nreturn z=%z\n}");
  const ir::Target target = ir::target_for(ir::IsaLevel::baseline);
  passes::run_passes(*module, passes::inference_pipeline(), {{target}, {}});
  const ir::Plan plan = passes::plan_memory(*module, target);
  const codegen::Program program(plan, {});
  const ir::Environment given = environment_for(*module->functions().front());
  ir::Environment told = given;
  told.inputs.at("x")[16] = 0.75;
  StepCheck check(plan.functions[0], told);
  run_program(program.description(), program.description().functions[0], given, {1, true}, &check);
  ASSERT_EQ(check.findings().size(), 1u); // tanh is right for what relu gave it
  EXPECT_EQ(check.findings()[0].op, "relu");
  EXPECT_THAT(check.findings()[0].text, HasSubstr("element 16"));
}

TEST(InChild, ReportsFindingsAndSignals) {
  const auto findings = in_child([] { return std::vector<NetworkFinding>{{"a", "b\nc"}, {"d", ""}}; }, 10);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].text, "b\nc");
  EXPECT_EQ(findings[1].kind, "d");
  const auto crashed = in_child(
      [] {
        raise(SIGKILL);
        return std::vector<NetworkFinding>{};
      },
      10);
  ASSERT_EQ(crashed.size(), 1u);
  EXPECT_EQ(crashed[0].kind, "signal");
}

// A made-up defect: a convolution that reads a concatenation. Two nodes are the least that shows it.
TEST(Shrink, KeepsTheDefectAndLittleElse) {
  const auto fails = [](const std::string& text) {
    const auto module = ir::parse(text);
    for (const auto& function : module->functions())
      for (const auto& node : function->nodes())
        if (node->op().name == "conv2d" && node->operand(0).producer != nullptr &&
            node->operand(0).producer->op().name == "concat")
          return true;
    return false;
  };
  int shrunk = 0;
  for (uint64_t seed = 1; seed <= 2000 && shrunk < 3; ++seed) {
    const std::string text = random_network(seed).training;
    if (!fails(text)) continue;
    ++shrunk;
    const std::string small = shrink(text, fails);
    EXPECT_TRUE(fails(small)) << small;
    const auto module = ir::parse(small);
    EXPECT_EQ(module->functions().size(), 1u);
    EXPECT_EQ(module->functions()[0]->nodes().size(), 2u) << small;
    EXPECT_EQ(module->functions()[0]->outputs.size(), 1u) << small;
    EXPECT_EQ(ir::print(*module), small);
  }
  EXPECT_EQ(shrunk, 3);
}

} // namespace
} // namespace kiln::test
