// Networks of examples/nets, made small: one compiled training step against the reference, node by node and as a
// whole, in the debug arena and with 1 and 2 threads; and 30 steps on classes that are easy to tell lower the loss.
#include "codegen/host_cpu.h"
#include "codegen/program.h"
#include "frontend/importer.h"
#include "ir/text.h"
#include "passes/pass_manager.h"
#include "passes/pipeline.h"
#include "passes/plan_memory.h"
#include "runtime/counter_random.h"
#include "tests/support/compare_run.h"
#include "tests/support/program_run.h"
#include "tests/support/step_check.h"

#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

namespace kiln::test {
namespace {

const std::filesystem::path kFolder = KILN_SOURCE_DIR "/examples/nets";
constexpr int64_t kClasses = 4; // of those that the network has
constexpr int kSteps = 30;

// How a network is made small enough for the reference, which adds up one product after the other.
struct Reduction {
  std::string_view network;
  std::vector<std::string> overrides;
  double rate = 0.01;
  int64_t batch = 4;
};

const std::vector<Reduction>& reductions() {
  static const std::vector<Reduction> all = {
      {"lenet", {}},
      {"caffenet", {"data.image.height=67"}},
      {"nin", {"data.image.height=16"}},
      {"vgg_small", {"data.image.height=16"}},
      {"vgg16", {"data.image.height=32"}, 0.0005, 2},
      {"resnet18", {"data.image.height=32"}},
      {"resnet50", {"data.image.height=32"}},
      {"mobilenet_v1", {"data.image.height=32"}},
      {"mobilenet_v2", {"data.image.height=64"}},
      {"squeezenet", {"data.image.height=48"}},
      {"densenet121", {"data.image.height=32"}},
      {"googlenet", {"data.image.height=80", "preprocess.std=60"}, 0.001, 2},
      {"unet", {"data.image.height=16"}, 0.001, 2},
  };
  return all;
}

std::vector<std::string> networks() {
  std::vector<std::string> names;
  for (const Reduction& known : reductions()) names.emplace_back(known.network);
  return names;
}

class ExampleNetworks : public ::testing::TestWithParam<std::string> {
protected:
  const Reduction& reduction() const {
    for (const Reduction& known : reductions())
      if (known.network == GetParam()) return known;
    throw std::runtime_error("no reduction is known for " + GetParam());
  }

  std::unique_ptr<ir::Module> import() const {
    frontend::Diagnostics diagnostics;
    const std::string path = kFolder / (GetParam() + ".textproto");
    const auto loaded = frontend::load_experiment(path, reduction().overrides, diagnostics);
    auto module = loaded ? frontend::import_network(*loaded, {reduction().batch, 0, {}}, diagnostics) : nullptr;
    for (const auto& entry : diagnostics.sorted()) ADD_FAILURE() << to_string(entry);
    return module;
  }
};

// Of an image of class c: 0 or 1 in stripes whose direction and width tell the class.
int64_t stripe(int64_t label, int64_t y, int64_t x, int64_t channel) {
  const int64_t along = label % 2 == 0 ? y : x;
  const int64_t wide = label < 2 ? 2 : 4;
  return (along / wide + channel * (label / 2)) % 2;
}

// Stripes under noise.
void fill_images(ir::Tensor& images, const ir::Tensor& labels, uint64_t key) {
  const ir::Dims& dims = images.dims;
  int64_t element = 0;
  for (int64_t n = 0; n < dims[0]; ++n)
    for (int64_t y = 0; y < dims[1]; ++y)
      for (int64_t x = 0; x < dims[2]; ++x)
        for (int64_t c = 0; c < dims[3]; ++c, ++element) {
          const double noise = random::uniform(random::draw(key, static_cast<uint64_t>(element)));
          const int64_t bright = stripe(static_cast<int64_t>(labels[n]), y, x, c);
          images[element] = static_cast<uint8_t>(40 + bright * 120 + noise * 60);
        }
}

// One class a sample, or for each pixel the stripe it lies in.
void fill_labels(ir::Tensor& target, const ir::Tensor& labels) {
  const ir::Dims& dims = target.dims;
  if (dims.size() == 1) {
    target = labels;
    return;
  }
  int64_t element = 0;
  for (int64_t n = 0; n < dims[0]; ++n)
    for (int64_t y = 0; y < dims[1]; ++y)
      for (int64_t x = 0; x < dims[2]; ++x, ++element)
        target[element] = static_cast<double>(stripe(static_cast<int64_t>(labels[n]), y, x, 0));
}

void fill(ir::Tensor& tensor, const ir::Value& input, const ir::Tensor& labels, uint64_t step) {
  if (input.type.dtype == ir::DType::i32) fill_labels(tensor, labels);
  if (input.type.dtype == ir::DType::u8) fill_images(tensor, labels, random::mix(step));
}

ir::Environment environment(const ir::Function& function, double rate) {
  ir::Environment made = environment_for(function);
  made.inputs.at("learning_rate")[0] = static_cast<float>(rate);
  return made;
}

TEST_P(ExampleNetworks, TrainAsTheReferenceDoes) {
  const auto meant = import();
  const auto built = import();
  ASSERT_NE(built, nullptr);
  const ir::Target target = ir::target_for(codegen::host_isa_level());
  passes::run_passes(*meant, passes::training_pipeline().subspan(0, 2), {{target}, {}});
  passes::run_passes(*built, passes::training_pipeline(), {{target}, {}});
  EXPECT_EQ(ir::print(*ir::parse(ir::print(*built))), ir::print(*built));
  const ir::Plan plan = passes::plan_memory(*built, target);
  codegen::CompileOptions options;
  options.threads = 2;
  const codegen::Program program(plan, options);
  const kiln_program& description = program.description();
  const kiln_function& compiled = description.functions[0];

  ir::Environment start = environment(*plan.functions[0].function, reduction().rate);
  StepCheck steps(plan.functions[0], start);
  const ProgramRun first = run_program(description, compiled, start, {1, true}, &steps);
  for (const StepCheck::Finding& finding : steps.findings()) ADD_FAILURE() << finding.text;
  EXPECT_TRUE(first == run_program(description, compiled, start, {2, false})) << "2 threads give other bits than 1";
  const auto misses = compare_run(*meant->find_function("train_step"), start, description, compiled, first);
  EXPECT_TRUE(misses.empty()) << fmt::format("{}", fmt::join(misses, "\n"));

  const int64_t batch = reduction().batch;
  std::vector<double> losses;
  for (int step = 0; step < kSteps; ++step) {
    ir::Tensor labels({batch});
    for (int64_t n = 0; n < batch; ++n) labels[n] = static_cast<double>((n + step) % kClasses);
    for (const auto& input : plan.functions[0].function->inputs())
      fill(start.inputs.at(input->name), *input, labels, static_cast<uint64_t>(step));
    start.step = static_cast<uint64_t>(step);
    const ProgramRun run = run_program(description, compiled, start, {2, false});
    keep_states(description, run, start);
    losses.push_back(output_value(compiled, run, "loss"));
  }
  const double before = std::accumulate(losses.begin(), losses.begin() + 4, 0.0) / 4;
  const double after = std::accumulate(losses.end() - 4, losses.end(), 0.0) / 4;
  EXPECT_LT(after, 0.9 * before) << fmt::format("{:.3f}", fmt::join(losses, " "));
}

TEST(ExampleNetworkFiles, AreAllChecked) {
  std::set<std::string> present;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) present.insert(entry.path().stem());
  const auto names = networks();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), present);
}

INSTANTIATE_TEST_SUITE_P(Nets, ExampleNetworks, ::testing::ValuesIn(networks()),
                         [](const auto& info) { return info.param; });

} // namespace
} // namespace kiln::test
