// Emitted losses and metrics of classifiers where labels are no classes and logits are huge, infinite or NaN: in rows
// and at positions, at every level, what the reference says.
#include "codegen/host_cpu.h"
#include "codegen/program.h"
#include "ir/text.h"
#include "passes/pass_manager.h"
#include "passes/plan_memory.h"
#include "tests/support/program_run.h"

#include <array>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>

namespace kiln::codegen {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Shape {
  const char* logits;
  const char* labels;
  int64_t classes;
};

std::unique_ptr<ir::Module> module_of(const Shape& shape, int64_t samples) {
  const std::string ignores = "ignores=true, ignored_label=255";
  return ir::parse(fmt::format(R"(
    func @predict(%logits: f32{0}, %labels: i32{1}, %class_weight: f32[{2}], %dloss: f32[{3}]) {{
      %plain = softmax_cross_entropy(%logits, %labels)
      %loss = softmax_cross_entropy(%logits, %labels, %class_weight) {{label_smoothing=0.125, {4}}}
      %slope = softmax_cross_entropy_backward(%logits, %labels, %dloss, %class_weight) {{label_smoothing=0.125, {4}}}
      %weight = label_weight(%labels, %class_weight) {{{4}}}
      %counted = label_weight(%labels) {{{4}}}
      %mean = weighted_mean(%loss, %weight)
      %mean_slope = weighted_mean_backward(%weight, %mean)
      %first = top_k(%logits, %labels)
      %third = top_k(%logits, %labels) {{k=3, ignores=true, ignored_label=1}}
      %chosen = argmax(%logits)
      return plain=%plain, loss=%loss, slope=%slope, weight=%weight, counted=%counted, mean=%mean,
             mean_slope=%mean_slope, first=%first, third=%third, chosen=%chosen
    }})",
                               shape.logits, shape.labels, shape.classes, samples, ignores));
}

class ClassTargetEmission : public ::testing::TestWithParam<ir::IsaLevel> {};

// Some of the logits and labels are replaced by what is no sensible one.
void spoil(ir::Environment& environment, int64_t classes, uint64_t seed) {
  ir::Tensor& logits = environment.inputs.at("logits");
  ir::Tensor& labels = environment.inputs.at("labels");
  const std::array<double, 6> odd_logits = {kNaN, -kInfinity, kInfinity, 1e30, -1e30, 0.5};
  const std::array<double, 7> odd_labels = {-1, static_cast<double>(classes), 255, -2147483648.0, 2147483647.0, 1, 0};
  const auto at = [&](uint64_t draw, int64_t count) {
    return static_cast<int64_t>((seed * 7919 + draw * 104729) % static_cast<uint64_t>(count));
  };
  ir::Tensor& class_weight = environment.inputs.at("class_weight");
  for (double& w : class_weight.data) w = std::abs(w);
  // Equal values, so that ties are met.
  for (double& x : logits.data) x = std::round(4 * x) / 4;
  logits[at(1, logits.elements())] = odd_logits[seed % odd_logits.size()];
  labels[at(2, labels.elements())] = odd_labels[seed % odd_labels.size()];
  if (seed % 5 == 0) std::fill(labels.data.begin(), labels.data.end(), 255);
  if (seed % 5 == 1) std::fill(class_weight.data.begin(), class_weight.data.end(), 0);
}

void expect_same(const std::string& what, const ir::Tensor& expected, const std::vector<char>& bytes, bool whole) {
  for (int64_t i = 0; i < expected.elements(); ++i) {
    if (whole) {
      int32_t got;
      std::memcpy(&got, bytes.data() + i * 4, 4);
      EXPECT_EQ(got, expected[i]) << what << " " << i;
      continue;
    }
    float got;
    std::memcpy(&got, bytes.data() + i * 4, 4);
    if (std::isfinite(expected[i]))
      EXPECT_NEAR(got, expected[i], 1e-5 * std::max(1.0, std::abs(expected[i]))) << what << " " << i;
    else
      EXPECT_TRUE(std::isnan(expected[i]) ? std::isnan(got) : got == static_cast<float>(expected[i]))
          << what << " " << i << ": " << got << ", expected " << expected[i];
  }
}

TEST_P(ClassTargetEmission, MeansWhatTheReferenceMeans) {
  if (GetParam() > host_isa_level()) GTEST_SKIP() << "this CPU lacks " << ir::name_of(GetParam());
  const ir::Target target = ir::target_for(GetParam());
  const std::array<Shape, 4> shapes = {
      {{"[6,5]", "[6]", 5}, {"[3,17]", "[3]", 17}, {"[2,3,5,7]", "[2,5,7]", 3}, {"[3,4,16]", "[3,16]", 4}}};
  for (const Shape& shape : shapes) {
    const auto module = module_of(shape, shape.logits[1] - '0');
    constexpr std::array<std::string_view, 3> kPasses = {"choose_kernels", "assign_layouts", "separate_outputs"};
    passes::run_passes(*module, kPasses, {{target}, {}});
    const Program program(passes::plan_memory(*module, target), {});
    const ir::Function& function = *module->functions()[0];
    for (uint64_t seed = 0; seed < 42; ++seed) {
      ir::Environment environment = test::environment_for(function, seed);
      spoil(environment, shape.classes, seed);
      const auto expected = ir::evaluate(function, environment);
      const test::ProgramRun run = test::run_program(program.description(), program.description().functions[0],
                                                     environment, {1 + static_cast<int>(seed % 2), true});
      for (size_t i = 0; i < function.outputs.size(); ++i) {
        const ir::Output& output = function.outputs[i];
        expect_same(fmt::format("{} of {}, seed {}:", output.name, shape.logits, seed), expected.at(output.name),
                    run.outputs[i], output.value->type.dtype == ir::DType::i32);
      }
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, ClassTargetEmission,
                         ::testing::Values(ir::IsaLevel::baseline, ir::IsaLevel::v3, ir::IsaLevel::v4),
                         [](const auto& info) {
                           return info.param == ir::IsaLevel::baseline ? "baseline" : std::string(name_of(info.param));
                         });

} // namespace
} // namespace kiln::codegen
