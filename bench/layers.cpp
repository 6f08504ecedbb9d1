// Times each kernel over named shapes: every function of bench/shapes/*.ir (and of the files or folders named by
// --shapes=PATH, such as tests/shapes), forward and backward, a benchmark a plan step.
//
//   layers [--shapes=PATH] [--cpu=LEVEL] [--threads=N] [Google Benchmark's options, e.g. --benchmark_filter=3x3]
//
// `of_peak` is FLOPs a second over the FMA peak measured right before, `floor` the step's time over the larger of its
// FLOPs at that peak and its bytes at the measured copying rate. Compare within one run only: clocks move.
#include "codegen/fma_probe.h"
#include "codegen/host_cpu.h"
#include "codegen/program.h"
#include "ir/all_ops.h"
#include "ir/text.h"
#include "passes/gradients.h"
#include "passes/pass_manager.h"
#include "passes/plan_memory.h"
#include "runtime/copy_probe.h"
#include "runtime/cpu.h"
#include "runtime/function_io.h"
#include "runtime/instance.h"
#include "runtime/layout.h"
#include "tests/support/ir_files.h"
#include "tests/support/reference_run.h"

#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <memory>

namespace kiln::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  std::string shapes = KILN_SOURCE_DIR "/bench/shapes";
  ir::Target target = ir::target_for(codegen::host_isa_level());
  int threads = 1;
};

// One function of a file with its gradients, planned.
class PlannedShape {
public:
  PlannedShape(const std::string& text, const std::string& function, const ir::Target& target) {
    const auto all = ir::parse(text);
    ir::Function& wanted = *all->find_function(function);
    add_gradients(wanted);
    module_ = ir::parse(test::state_lines(ir::print(*all)) + ir::print(wanted));
    constexpr std::array<std::string_view, 6> kPasses = {"fuse_epilogue",          "choose_kernels",   "assign_layouts",
                                                         "cancel_layout_converts", "separate_outputs", "order"};
    passes::run_passes(*module_, kPasses, {{target}, {}});
    plan_ = passes::plan_memory(*module_, target);
  }

  const ir::Plan& plan() const { return plan_; }
  const ir::FunctionPlan& function() const { return plan_.functions.front(); }

private:
  static void add_gradients(ir::Function& function) {
    for (const auto& node : function.nodes())
      if (node->op().gradient == nullptr) return;
    std::vector<ir::Value*> wanted;
    for (const auto& input : function.inputs())
      if (input->type.dtype == ir::DType::f32) wanted.push_back(input.get());
    std::vector<passes::GradientSeed> seeds;
    for (const ir::Output& output : function.outputs)
      seeds.push_back({output.value, &function.add_input("cotangent." + output.name, output.value->type)});
    for (const auto& [value, gradient] : passes::build_gradients(function, seeds, wanted))
      function.outputs.push_back({std::string(ir::kGradientPrefix) + value->name, gradient});
  }

  std::unique_ptr<ir::Module> module_;
  ir::Plan plan_;
};

// Its compiled form, which lives while its benchmarks run.
class Workload {
public:
  Workload(const PlannedShape& shape, const Settings& settings)
      : program_(shape.plan(), {}), instance_(program_.description(), {.threads = settings.threads}),
        memory_(function()), seconds_(static_cast<size_t>(function().step_count)) {
    instance_.initialize(1);
    const ir::Environment environment = test::random_environment(*shape.function().function);
    for (int i = 0; i < function().input_count; ++i)
      fill(function().inputs[i], memory_.input(i), environment.inputs.at(function().inputs[i].name));
    instance_.set_step_hook([](void* self, int32_t step) { static_cast<Workload*>(self)->after_step(step); }, this);
  }

  const kiln_function& function() const { return program_.description().functions[0]; }
  runtime::ThreadPool& pool() { return instance_.pool(); }

  // Seconds of one step in a run of the whole function.
  double run(int32_t step) {
    last_ = Clock::now();
    instance_.run(function(), memory_.inputs(), memory_.outputs(), 1, 0);
    return seconds_[static_cast<size_t>(step)];
  }

private:
  // Inputs are plain: logical order is physical order.
  static void fill(const kiln_tensor& tensor, char* bytes, const ir::Tensor& values) {
    for (int64_t i = 0; i < values.elements(); ++i) {
      if (tensor.dtype == KILN_F32) reinterpret_cast<float*>(bytes)[i] = static_cast<float>(values[i]);
      if (tensor.dtype == KILN_U8) reinterpret_cast<uint8_t*>(bytes)[i] = static_cast<uint8_t>(values[i]);
      if (tensor.dtype == KILN_I32) reinterpret_cast<int32_t*>(bytes)[i] = static_cast<int32_t>(values[i]);
    }
  }

  void after_step(int32_t step) {
    const Clock::time_point now = Clock::now();
    seconds_[static_cast<size_t>(step)] = std::chrono::duration<double>(now - last_).count();
    last_ = Clock::now();
  }

  codegen::Program program_;
  runtime::Instance instance_;
  runtime::FunctionMemory memory_;
  std::vector<double> seconds_;
  Clock::time_point last_;
};

// The workload of the shape whose benchmarks run now; they run one after the other.
class Current {
public:
  Workload& of(const PlannedShape& shape, const Settings& settings) {
    if (shape_ == &shape) return *workload_;
    workload_.reset(); // before the next takes its memory
    workload_ = std::make_unique<Workload>(shape, settings);
    shape_ = &shape;
    return *workload_;
  }

private:
  const PlannedShape* shape_ = nullptr;
  std::unique_ptr<Workload> workload_;
};

void time_step(benchmark::State& state, Current& current, const PlannedShape& shape, int32_t step,
               const Settings& settings) {
  Workload& workload = current.of(shape, settings);
  codegen::FmaProbe probe(settings.target);
  runtime::CopyProbe copying(workload.pool());
  copying.measure();
  double peak = 0;
  for (int i = 0; i < 5; ++i) peak = std::max(peak, probe.measure(&workload.pool(), settings.threads));
  double seconds = 0;
  for ([[maybe_unused]] auto iteration : state) {
    const double here = workload.run(step);
    state.SetIterationTime(here);
    seconds += here;
  }
  seconds /= static_cast<double>(state.iterations());
  const kiln_step& facts = workload.function().steps[step];
  const double flops = static_cast<double>(facts.flops), bytes = static_cast<double>(facts.bytes);
  state.counters["GFLOP/s"] = flops / seconds / 1e9;
  state.counters["of_peak"] = flops / seconds / peak;
  state.counters["GB/s"] = bytes / seconds / 1e9;
  state.counters["floor"] = seconds / std::max(flops / peak, bytes / copying.rate(facts.bytes));
  state.SetLabel(facts.kernel);
}

void register_file(const std::filesystem::path& path, const Settings& settings,
                   const std::shared_ptr<Current>& current) {
  const std::string text = test::read_text(path);
  const auto module = ir::parse(text);
  for (const auto& function : module->functions()) {
    const auto shape = std::make_shared<PlannedShape>(text, function->name(), settings.target);
    const std::vector<ir::PlanStep>& steps = shape->function().steps;
    for (size_t step = 0; step < steps.size(); ++step) {
      const std::string_view op = steps[step].node->op().name;
      if (op == "convert_layout") continue; // of the bench's own plain inputs and outputs
      const std::string name = fmt::format("{}/{}/{}", path.stem().string(), function->name(), op);
      benchmark::RegisterBenchmark(
          name.c_str(),
          [=](benchmark::State& state) { time_step(state, *current, *shape, static_cast<int32_t>(step), settings); })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
}

[[noreturn]] void fail(const std::string& message) {
  fmt::print(stderr, "layers: {}\n", message);
  std::exit(2);
}

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word.starts_with("--shapes=")) {
      settings.shapes = word.substr(9);
    } else if (word.starts_with("--cpu=")) {
      const auto level = ir::parse_isa_level(word.substr(6));
      if (!level || *level > codegen::host_isa_level()) fail(fmt::format("{}: no level of this CPU", word));
      settings.target = ir::target_for(*level);
    } else if (word.starts_with("--threads=")) {
      const auto [end, error] = std::from_chars(word.data() + 10, word.data() + word.size(), settings.threads);
      if (error != std::errc() || end != word.data() + word.size() || settings.threads < 1)
        fail(fmt::format("{}: not a number of threads", word));
    } else {
      fail(fmt::format("unknown argument {}", word));
    }
  }
  return settings;
}

} // namespace
} // namespace kiln::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv); // takes out its own
  try {
    const kiln::bench::Settings settings = kiln::bench::parse(argc, argv);
    const auto current = std::make_shared<kiln::bench::Current>();
    if (std::filesystem::is_regular_file(settings.shapes))
      kiln::bench::register_file(settings.shapes, settings, current);
    else
      for (const auto& path : kiln::test::ir_files(settings.shapes))
        kiln::bench::register_file(path, settings, current);
  } catch (const std::exception& error) {
    kiln::bench::fail(error.what());
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
