// Compiled programs: what their objects call, what their code is made of, and when kernels are shared.
#include "codegen/program.h"

#include "codegen/emitter.h"
#include "codegen/optimize.h"
#include "ir/plan_text.h"
#include "ir/text.h"
#include "passes/pass_manager.h"
#include "passes/plan_memory.h"
#include "tests/support/ir_files.h"

#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

namespace kiln::codegen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Planned {
  std::unique_ptr<ir::Module> module;
  ir::Plan plan;

  Planned(std::string_view text, ir::IsaLevel level) : module(ir::parse(text)) {
    constexpr std::array<std::string_view, 3> kPasses = {"choose_kernels", "assign_layouts", "separate_outputs"};
    const ir::Target target = ir::target_for(level);
    passes::run_passes(*module, kPasses, {{target}, {}});
    plan = passes::plan_memory(*module, target);
  }
};

// Everything that emitted code may call (runtime/abi.h) or that LLVM may make of loops and copies.
const std::set<std::string> kAllowed = {"kiln_parallel_for", "memcpy", "memset", "memmove"};

// The last function of each file of shapes; the JIT, which knows these names alone, holds all others to the same.
TEST(Program, ObjectsCallOnlyTheRuntime) {
  for (const auto& path : test::ir_files(KILN_SOURCE_DIR "/tests/shapes"))
    for (const ir::IsaLevel level : {ir::IsaLevel::baseline, ir::IsaLevel::v4}) {
      const Planned planned(test::read_text(path), level);
      for (const ir::PlanStep& step : planned.plan.functions.back().steps) {
        Emission emission(step, planned.plan.target);
        emit_node(emission);
        ASSERT_FALSE(emission.launches().empty());
        for (const Emission::LaunchRequest& request : emission.launches()) {
          EmittedModule module(request.key);
          KernelBuilder builder(module, "kernel", planned.plan.target);
          request.body(builder);
          builder.finish();
          for (const std::string& symbol : undefined_symbols(compile(module, planned.plan.target)))
            EXPECT_TRUE(kAllowed.contains(symbol)) << request.key << " calls " << symbol;
        }
      }
    }
}

constexpr std::string_view kWideLayers = R"(
  func @predict(%src: f32[2,32,8,14], %weights: f32[32,32,3,3], %x: f32[8,256], %matrix: f32[64,256]) {
    %convolution = conv2d(%src, %weights) {pad=[1,1,1,1]}
    %dense = dense(%x, %matrix)
    return convolution=%convolution, dense=%dense
  })";

TEST(Program, WideVectorsAreNotSplit) {
  const Planned wide(kWideLayers, ir::IsaLevel::v4);
  EXPECT_THAT(assembly_text(wide.plan, "predict"), HasSubstr("zmm"));
  const Planned narrow(kWideLayers, ir::IsaLevel::v3);
  EXPECT_THAT(assembly_text(narrow.plan, "predict"), HasSubstr("ymm"));
  EXPECT_THAT(assembly_text(narrow.plan, "predict"), Not(HasSubstr("zmm")));
  const Planned baseline(kWideLayers, ir::IsaLevel::baseline);
  EXPECT_THAT(assembly_text(baseline.plan, "predict"), Not(HasSubstr("ymm")));
}

// Two layers of one shape are one kernel, random streams or not; another attribute makes another one.
TEST(Program, LayersShareKernels) {
  const auto kernels = [](std::string_view second) {
    const Planned planned("func @predict(%x: f32[4,32]) {\n%a = dropout(%x) {drop=0.5, stream=0x1}\n"
                          "%b = leaky_relu(%a) {slope=0.25}\n" +
                              std::string(second) + "\nreturn y=%y\n}",
                          ir::IsaLevel::baseline);
    return Program(planned.plan, {}).kernel_count();
  };
  const int64_t two = 2;
  EXPECT_EQ(kernels("%y = dropout(%b) {drop=0.5, stream=0x2}"), two);
  EXPECT_EQ(kernels("%y = dropout(%b) {drop=0.25, stream=0x2}"), two + 1);
}

constexpr std::string_view kSmall = R"(
  state @w : f32[10,20] {role=parameter, init=uniform(-0.5,0.5), stream=0x2a}
  state @k : f32[3] {role=constant, data=[1,2,3]}
  func @predict.7(%image: f32[7,20], %z: f32[7,3]) {
    %y = dense(%image, @w) layer="fc"
    %b = bias(%z, @k) layer="shift"
    return probability=%y, shifted=%b
  })";

TEST(Program, DescribesThePlan) {
  const Planned planned(kSmall, ir::IsaLevel::baseline);
  CompileOptions options;
  options.facts.experiment = "resolved";
  options.facts.class_names = {"shirt", "boot"};
  const Program program(planned.plan, options);
  const kiln_program& description = program.description();
  EXPECT_EQ(description.abi_version, KILN_ABI_VERSION);
  EXPECT_STREQ(description.isa, "x86-64");
  EXPECT_STREQ(description.plan_hash, plan_hash(planned.plan).c_str());
  EXPECT_STREQ(description.experiment, "resolved");
  ASSERT_EQ(description.class_count, 2);
  EXPECT_STREQ(description.class_names[1], "boot");

  ASSERT_EQ(description.state_count, 2);
  EXPECT_STREQ(description.states[0].tensor.name, "w");
  EXPECT_EQ(description.states[0].role, KILN_PARAMETER);
  EXPECT_EQ(description.states[0].initializer.kind, KILN_INIT_UNIFORM);
  EXPECT_EQ(description.states[0].initializer.b, 0.5f);
  EXPECT_EQ(description.states[0].stream, 0x2au);
  EXPECT_EQ(description.states[0].data, nullptr);
  ASSERT_EQ(description.states[1].role, KILN_CONSTANT);
  EXPECT_EQ(static_cast<const float*>(description.states[1].data)[2], 3.0f);

  ASSERT_EQ(description.function_count, 1);
  const kiln_function& function = description.functions[0];
  EXPECT_STREQ(function.name, "predict");
  EXPECT_EQ(function.batch, 7);
  EXPECT_NE(function.entry, nullptr);
  ASSERT_EQ(function.input_count, 2);
  EXPECT_STREQ(function.inputs[0].name, "image");
  ASSERT_EQ(function.output_count, 2);
  EXPECT_STREQ(function.outputs[0].name, "probability");
  EXPECT_EQ(function.outputs[0].bytes, 7 * 10 * 4);
  ASSERT_EQ(function.step_count, 2);
  EXPECT_STREQ(function.steps[0].name, "y");
  EXPECT_STREQ(function.steps[0].op, "dense");
  EXPECT_STREQ(function.steps[0].kernel, "direct");
  EXPECT_STREQ(function.steps[0].layers, "fc");
  EXPECT_EQ(function.steps[0].flops, 2 * 7 * 10 * 20);
  EXPECT_EQ(function.steps[0].bytes, (7 * 20 + 10 * 20 + 7 * 10) * 4);
}

TEST(Program, HashTellsPlansApart) {
  const auto hash = [](std::string_view text, ir::IsaLevel level) { return plan_hash(Planned(text, level).plan); };
  const std::string first = hash(kSmall, ir::IsaLevel::baseline);
  EXPECT_EQ(first, hash(kSmall, ir::IsaLevel::baseline));
  EXPECT_NE(first, hash(kSmall, ir::IsaLevel::v4));
  std::string changed(kSmall);
  changed.replace(changed.find("[1,2,3]"), 7, "[1,2,4]");
  EXPECT_NE(first, hash(changed, ir::IsaLevel::baseline));
}

TEST(PlanText, NamesBuffersAndSteps) {
  const Planned planned(kSmall, ir::IsaLevel::baseline);
  const std::string text = ir::print(planned.plan);
  EXPECT_THAT(text, HasSubstr("plan x86-64 vector_width=4\n"));
  EXPECT_THAT(text, HasSubstr("image: input 0 576 bytes\n")); // 560, rounded up to 64
  EXPECT_THAT(text, HasSubstr("dense ("));
  EXPECT_THAT(text, HasSubstr("kernel=direct"));
}

} // namespace
} // namespace kiln::codegen
