// A sample's result in predict has the same bits in every batch: kernels tile rows, but add up each one alike.
#include "codegen/host_cpu.h"
#include "codegen/program.h"
#include "ir/evaluate.h"
#include "ir/text.h"
#include "passes/pass_manager.h"
#include "passes/plan_memory.h"
#include "runtime/instance.h"
#include "tests/support/reference_run.h"

#include <array>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace kiln::codegen {
namespace {

constexpr int64_t kInputs = 77;
constexpr int64_t kClasses = 45;

// 45 outputs: whole tiles and single ones; 77 inputs: a masked tail at every width.
std::string predict(int64_t batch) {
  return fmt::format(R"(
    func @predict.{0}(%image: f32[{0},77]) {{
      %logits = dense(%image, @weight, @bias) {{epilogue=[bias, sigmoid]}}
      %probability = softmax(%logits)
      return probability=%probability
    }})",
                     batch);
}

class BatchIndependence : public ::testing::TestWithParam<ir::IsaLevel> {};

TEST_P(BatchIndependence, RowsKeepTheirBits) {
  if (GetParam() > host_isa_level()) GTEST_SKIP() << "this CPU lacks " << ir::name_of(GetParam());
  const ir::Target target = ir::target_for(GetParam());
  const std::array<int64_t, 4> batches = {1, 3, 16, 22};
  std::string text = "state @weight : f32[45,77] {init=uniform(-1,1), stream=0x1}\n"
                     "state @bias : f32[45] {init=uniform(-1,1), stream=0x2}\n";
  for (int64_t batch : batches) text += predict(batch);
  const auto module = ir::parse(text);
  constexpr std::array<std::string_view, 3> kPasses = {"choose_kernels", "assign_layouts", "separate_outputs"};
  passes::run_passes(*module, kPasses, {{target}, {}});
  const Program program(passes::plan_memory(*module, target), {});
  runtime::Instance instance(program.description(), {1, false});
  instance.initialize(3);

  std::vector<float> images(static_cast<size_t>(batches.back() * kInputs));
  for (size_t i = 0; i < images.size(); ++i)
    images[i] = static_cast<float>(test::random_element(7, static_cast<int64_t>(i)));
  std::vector<float> longest;
  for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
    const kiln_function* function = instance.find("predict", *batch);
    ASSERT_NE(function, nullptr);
    std::vector<float> probability(static_cast<size_t>(*batch * kClasses));
    const void* input = images.data();
    void* output = probability.data();
    instance.run(*function, {&input, 1}, {&output, 1}, 0, 0);
    if (longest.empty()) longest = probability;
    ASSERT_GT(*std::max_element(probability.begin(), probability.end()), 1.0f / kClasses);
    EXPECT_TRUE(std::equal(probability.begin(), probability.end(), longest.begin())) << "batch " << *batch;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, BatchIndependence,
                         ::testing::Values(ir::IsaLevel::baseline, ir::IsaLevel::v3, ir::IsaLevel::v4),
                         [](const auto& info) {
                           return info.param == ir::IsaLevel::baseline ? "baseline" : std::string(name_of(info.param));
                         });

} // namespace
} // namespace kiln::codegen
