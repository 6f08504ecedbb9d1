// kiln time: how fast the compiled network is, as a whole and a plan step at a time, beside what the machine could do:
// a step's floor is the larger of its FLOPs at the measured FMA peak and its bytes at the measured copying rate.
#include "codegen/fma_probe.h"
#include "compile_experiment.h"
#include "memory.h"
#include "report.h"
#include "runtime/copy_probe.h"
#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/function_io.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sys/resource.h>

namespace kiln::tools {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kWarmUpSeconds = 0.3;
constexpr double kMeasureSeconds = 2.0;
constexpr size_t kMeasureRuns = 20;    // also needed, unless they take too long:
constexpr double kLongestSeconds = 20; // then half of that must do
constexpr double kProbeSeconds = 0.05; // between two probes

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  const size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle), values.end());
  const double upper = values[middle];
  if (values.size() % 2 == 1) return upper;
  return (upper + *std::max_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle))) / 2;
}

// One function of a program on random images and labels.
class Workload {
public:
  Workload(const Compiled& compiled, const kiln_function& function, int threads)
      : instance_(compiled.program.description(), {.threads = threads}), function_(function), memory_(function) {
    // What no data decides, as training begins: weights, and momentum at zero.
    instance_.initialize(1);
    write_known_states(*compiled.module, instance_);
    const int64_t classes = std::max<int64_t>(1, runtime::program_classes(compiled.program.description()));
    const auto key = random::stream_key(uint64_t{1}, uint64_t{0}, random::stream_id("kiln.time"));
    for (int i = 0; i < function.input_count; ++i) fill(function.inputs[i], memory_.input(i), classes, key);
  }

  void run() { instance_.run(function_, memory_.inputs(), memory_.outputs(), 1, static_cast<uint64_t>(runs_++)); }
  runtime::Instance& instance() { return instance_; }
  const kiln_function& function() const { return function_; }

private:
  static void fill(const kiln_tensor& tensor, char* data, int64_t classes, uint64_t key) {
    for (int64_t i = 0; tensor.dtype != KILN_F32 && i < tensor.bytes / (tensor.dtype == KILN_I32 ? 4 : 1); ++i) {
      const uint32_t draw = random::draw(key, static_cast<uint64_t>(i));
      if (tensor.dtype == KILN_U8) data[i] = static_cast<char>(draw >> 24);
      const auto label = static_cast<int32_t>(draw % static_cast<uint64_t>(classes));
      if (tensor.dtype == KILN_I32) std::memcpy(data + 4 * i, &label, sizeof(label));
    }
    // The learning rate stays 0: on noise no network learns anything, but many diverge.
  }

  runtime::Instance instance_;
  const kiln_function& function_;
  runtime::FunctionMemory memory_;
  int64_t runs_ = 0;
};

struct StepClock {
  std::vector<std::vector<double>> seconds; // of each step, of each run
  Clock::time_point last;

  static void after_step(void* context, int32_t step) {
    auto& self = *static_cast<StepClock*>(context);
    const Clock::time_point now = Clock::now();
    self.seconds[static_cast<size_t>(step)].push_back(std::chrono::duration<double>(now - self.last).count());
    self.last = Clock::now();
  }
};

struct Measured {
  double seconds = 0; // median of a run
  double fastest = 0;
  size_t runs = 0;
  double peak = 0; // FLOP a second, median of the probes
  std::vector<double> step_seconds;
  std::vector<double> step_floors; // seconds
};

std::vector<double> floors_of(const kiln_function& function, double peak, const runtime::CopyProbe& copying) {
  std::vector<double> floors;
  for (int32_t i = 0; i < function.step_count; ++i) {
    const kiln_step& step = function.steps[i];
    floors.push_back(
        std::max(static_cast<double>(step.flops) / peak, static_cast<double>(step.bytes) / copying.rate(step.bytes)));
  }
  return floors;
}

Measured measure(Workload& workload, codegen::FmaProbe& probe, int threads) {
  void* pool = &workload.instance().pool();
  runtime::CopyProbe copying(workload.instance().pool());
  for (const auto start = Clock::now(); seconds_since(start) < kWarmUpSeconds;) {
    workload.run();
    probe.measure(pool, threads);
  }

  std::vector<double> runs, peaks;
  const auto start = Clock::now();
  auto last_probe = start;
  const auto probe_now_and_then = [&] {
    if (!peaks.empty() && seconds_since(last_probe) < kProbeSeconds) return;
    peaks.push_back(probe.measure(pool, threads));
    last_probe = Clock::now();
  };
  const auto enough = [&](size_t done, double elapsed) {
    return elapsed >= kMeasureSeconds && (done >= kMeasureRuns || elapsed >= kLongestSeconds / 2) && done >= 3;
  };
  while (!enough(runs.size(), seconds_since(start))) {
    probe_now_and_then();
    const auto begin = Clock::now();
    workload.run();
    runs.push_back(seconds_since(begin));
  }

  // A second round with a clock after each step, so that looking at it costs the first one nothing.
  StepClock clock;
  clock.seconds.resize(static_cast<size_t>(workload.function().step_count));
  copying.measure();
  workload.instance().set_step_hook(StepClock::after_step, &clock);
  const auto step_start = Clock::now();
  for (size_t done = 0; done < 3 || (seconds_since(step_start) < kMeasureSeconds / 2 && done < runs.size()); ++done) {
    probe_now_and_then();
    clock.last = Clock::now();
    workload.run();
  }
  workload.instance().set_step_hook(nullptr, nullptr);
  copying.measure();

  const double peak = median(peaks);
  Measured measured{median(runs), *std::min_element(runs.begin(), runs.end()),  runs.size(), peak,
                    {},           floors_of(workload.function(), peak, copying)};
  for (const auto& seconds : clock.seconds) measured.step_seconds.push_back(seconds.empty() ? 0 : median(seconds));
  return measured;
}

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

struct Report {
  const Options& options;
  const kiln_function& function;
  const Measured& measured;
  const codegen::Program& program;
  int64_t instance_bytes;

  double flops() const {
    return std::accumulate(function.steps, function.steps + function.step_count, 0.0,
                           [](double sum, const kiln_step& step) { return sum + static_cast<double>(step.flops); });
  }
  double step_sum() const { return std::accumulate(measured.step_seconds.begin(), measured.step_seconds.end(), 0.0); }
  double gflops(int step) const { return rate(function.steps[step].flops, step); }
  double gigabytes(int step) const { return rate(function.steps[step].bytes, step); }
  double share(int step) const { return step_sum() > 0 ? seconds(step) / step_sum() : 0; }
  double seconds(int step) const { return measured.step_seconds[static_cast<size_t>(step)]; }
  double floor(int step) const { return measured.step_floors[static_cast<size_t>(step)]; }
  double floor_sum() const { return std::accumulate(measured.step_floors.begin(), measured.step_floors.end(), 0.0); }
  // The step that loses most against its floor.
  int largest_gap() const {
    int largest = 0;
    for (int i = 1; i < function.step_count; ++i)
      if (seconds(i) - floor(i) > seconds(largest) - floor(largest)) largest = i;
    return largest;
  }

private:
  double rate(int64_t amount, int step) const {
    return seconds(step) > 0 ? static_cast<double>(amount) / seconds(step) / 1e9 : 0;
  }
};

nlohmann::json to_json(const Report& report) {
  const Measured& measured = report.measured;
  const double gflops = report.flops() / measured.seconds / 1e9;
  nlohmann::json layers = nlohmann::json::array();
  for (int i = 0; i < report.function.step_count; ++i) {
    const kiln_step& step = report.function.steps[i];
    layers.push_back({{"name", step.name},
                      {"op", step.op},
                      {"kernel", step.kernel},
                      {"layers", step.layers},
                      {"ms", report.seconds(i) * 1e3},
                      {"share", report.share(i)},
                      {"flops", step.flops},
                      {"gflops", report.gflops(i)},
                      {"share_of_peak", report.gflops(i) * 1e9 / measured.peak},
                      {"gb_per_second", report.gigabytes(i)},
                      {"floor_ms", report.floor(i) * 1e3}});
  }
  return {{"phase", report.options.phase},
          {"batch", report.function.batch},
          {"threads", thread_count(report.options)},
          {"isa", report.program.description().isa},
          {"runs", measured.runs},
          {"median_ms", measured.seconds * 1e3},
          {"fastest_ms", measured.fastest * 1e3},
          {"samples_per_second", static_cast<double>(report.function.batch) / measured.seconds},
          {"gflops", gflops},
          {"fma_peak_gflops", measured.peak / 1e9},
          {"share_of_peak", gflops * 1e9 / measured.peak},
          {"floor_ms", report.floor_sum() * 1e3},
          {"compile_seconds", report.program.compile_seconds()},
          {"kernels", report.program.kernel_count()},
          {"peak_memory_bytes", peak_memory_bytes()},
          {"instance_memory_bytes", report.instance_bytes},
          {"layers", layers}};
}

void print_text(const Report& report) {
  const Measured& measured = report.measured;
  const double gflops = report.flops() / measured.seconds / 1e9;
  fmt::print("{} batch {}, {} threads, {}: {:.3f} ms (median of {}, fastest {:.3f}), {:.0f} samples/s\n",
             report.function.name, report.function.batch, thread_count(report.options),
             report.program.description().isa, measured.seconds * 1e3, measured.runs, measured.fastest * 1e3,
             static_cast<double>(report.function.batch) / measured.seconds);
  fmt::print(
      "{:.1f} GFLOP/s, {:.1f}% of the FMA peak of {:.1f} measured beside it; compiled {} kernels in {:.2f} s\n\n",
      gflops, gflops * 1e11 / measured.peak, measured.peak / 1e9, report.program.kernel_count(),
      report.program.compile_seconds());

  std::vector<int> order(static_cast<size_t>(report.function.step_count));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return report.seconds(a) > report.seconds(b); });
  size_t name_width = 4, op_width = 2, layer_width = 6;
  for (int i : order) {
    name_width = std::max(name_width, std::strlen(report.function.steps[i].name));
    op_width = std::max(op_width, std::strlen(report.function.steps[i].op));
    layer_width = std::max(layer_width, std::strlen(report.function.steps[i].layers));
  }
  fmt::print("{:{}}  {:{}}  {:7}  {:{}}  {:>9}  {:>6}  {:>9}  {:>7}  {:>8}  {:>6}  {:>7}\n", "step", name_width, "op",
             op_width, "kernel", "layers", layer_width, "ms", "share", "floor", "x floor", "GFLOP/s", "peak", "GB/s");
  for (int i : order) {
    const kiln_step& step = report.function.steps[i];
    fmt::print("{:{}}  {:{}}  {:7}  {:{}}  {:9.4f}  {:5.1f}%  {:9.4f}  {:7.2f}  {:8.1f}  {:5.1f}%  {:7.1f}\n",
               step.name, name_width, step.op, op_width, step.kernel, step.layers, layer_width, report.seconds(i) * 1e3,
               100 * report.share(i), report.floor(i) * 1e3, report.seconds(i) / report.floor(i), report.gflops(i),
               report.gflops(i) * 1e11 / measured.peak, report.gigabytes(i));
  }
  const int gap = report.largest_gap();
  fmt::print("steps one by one: {:.3f} ms in all, floors {:.3f} ms; furthest from its floor: {}, by {:.3f} ms\n",
             report.step_sum() * 1e3, report.floor_sum() * 1e3, report.function.steps[gap].name,
             (report.seconds(gap) - report.floor(gap)) * 1e3);
}

} // namespace

int run_time(const Options& options) {
  const ir::Target target = target_of(options);
  const frontend::LoadedExperiment loaded = load(options);
  const proto::Training& training = loaded.experiment.training();
  const bool trains = options.phase == "train";

  frontend::ImportOptions wanted;
  if (trains) {
    wanted.train_batch = options.batch.value_or(training.batch());
    wanted.predict_batches.clear();
  } else {
    wanted.predict_batches = {options.batch.value_or(1)};
  }
  auto module = import(loaded, wanted, options);
  if (!trains) bind_initial_weights(*module, training.seed(), target);
  const Compiled compiled =
      compile(std::move(module), trains ? Purpose::training : Purpose::inference, loaded, options);

  const int threads = thread_count(options);
  const kiln_function& function =
      runtime::require_function(compiled.program.description(), trains ? "train_step" : "predict");
  Workload workload(compiled, function, threads);
  codegen::FmaProbe probe(target);
  const Measured measured = measure(workload, probe, threads);

  const Report report{options, function, measured, compiled.program,
                      workload.instance().memory_bytes() + constant_bytes(compiled.program.description())};
  if (options.json)
    print_json(to_json(report));
  else
    print_text(report);
  return 0;
}

} // namespace kiln::tools
