// Whole networks: passes, text, gradients and compiled code against the reference.
#include "tests/support/network_check.h"

#include "codegen/program.h"
#include "ir/op.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass_manager.h"
#include "passes/pipeline.h"
#include "passes/plan_memory.h"
#include "runtime/counter_random.h"
#include "tests/support/compare_run.h"
#include "tests/support/program_run.h"
#include "tests/support/reference_run.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace kiln::test {

namespace {

using ir::Tensor;

constexpr double kPassTolerance = 1e-9;       // of the largest element
constexpr double kDifferenceTolerance = 1e-3; // of a gradient's size along a direction
constexpr uint64_t kDraws = 3;

// The network as written, in the form that the pipelines give it on purpose.
constexpr std::array<std::string_view, 5> kMeaning = {"differentiate", "append_optimizer", "eliminate_dropout",
                                                      "fix_rrelu_slope", "use_running_statistics"};

bool trains(const ir::Module& module) { return module.find_function("train_step") != nullptr; }

double rounded(double value) { return static_cast<double>(static_cast<float>(value)); }

class Check {
public:
  Check(const std::string& meant, const std::string& built, const NetworkCheckOptions& options)
      : options_(options), target_(ir::target_for(options.level)), meant_(ir::parse(meant)), built_(ir::parse(built)) {}

  std::vector<NetworkFinding> run() {
    round_trip("as written", *meant_);
    if (trains(*meant_)) compare_gradient();
    passes::run_passes(*meant_, kMeaning, {{target_}, {}});
    if (options_.known_weights && !trains(*built_)) give_weights();
    passes::run_passes(*built_, trains(*built_) ? passes::training_pipeline() : passes::inference_pipeline(),
                       {{target_}, {}});
    if (const auto problem = ir::verify(*built_, &target_)) report("passes", *problem);
    if (!options_.known_weights) round_trip("optimised", *built_);
    for (const auto& function : meant_->functions()) compare_passes(*function);
    if (findings_.empty()) compare_program();
    return std::move(findings_);
  }

private:
  void report(std::string kind, std::string text) { findings_.push_back({std::move(kind), std::move(text)}); }

  void round_trip(std::string_view which, const ir::Module& module) {
    const std::string text = ir::print(module);
    const std::string again = ir::print(*ir::parse(text));
    if (again != text) report("text", fmt::format("the network {} is read back as\n{}", which, again));
  }

  // Draws as environment_for, for the states that both networks know by name.
  ir::Environment environment(const ir::Function& function, uint64_t draw) const {
    ir::Environment made = environment_for(function, draw);
    round_states(made);
    return made;
  }
  static void round_states(ir::Environment& environment) {
    for (auto& [name, tensor] : environment.states)
      for (double& value : tensor.data) value = rounded(value);
  }

  void give_weights() {
    const auto values = environment(*built_->functions().front(), 0).states;
    for (const auto& state : built_->states()) state->data = values.at(state->value.name).data;
  }

  // On a copy, since it asks for gradients as outputs.
  void compare_gradient() {
    const auto module = ir::parse(ir::print(*meant_));
    passes::run_passes(*module, {kMeaning.data(), 1}, {{target_}, {}});
    const ir::Function& function = *module->find_function("train_step");
    ir::Environment start = environment(function, 0);
    const auto gradients = ReferenceRun(function, start).outputs;
    constexpr double step = 1e-5;
    double rule = 0, size = 0;
    std::array<double, 2> loss{};
    for (size_t side = 0; side < 2; ++side) {
      ir::Environment moved = start;
      for (auto& [name, tensor] : moved.states) {
        const auto gradient = gradients.find(fmt::format("{}{}", ir::kGradientPrefix, name));
        if (gradient == gradients.end()) continue;
        const uint64_t key = random::stream_id(name) + 17;
        for (int64_t i = 0; i < tensor.elements(); ++i) {
          const double direction = random_element(key, i);
          tensor[i] += (side == 0 ? step : -step) * direction;
          if (side == 1) continue;
          rule += gradient->second[i] * direction;
          size += gradient->second[i] * direction * gradient->second[i] * direction;
        }
      }
      loss[side] = ReferenceRun(forward(module), moved).outputs.at("loss")[0];
    }
    const double difference = (loss[0] - loss[1]) / (2 * step);
    const double scale = std::max({std::abs(difference), std::sqrt(size), 1e-6});
    if (!(std::abs(difference - rule) <= kDifferenceTolerance * scale))
      report("gradient", fmt::format("along a random direction: rules {}, difference {}", rule, difference));
  }

  // The differentiated train_step without what its loss does not need.
  static const ir::Function& forward(const std::unique_ptr<ir::Module>& module) {
    ir::Function& function = *module->find_function("train_step");
    std::erase_if(function.outputs, [](const ir::Output& output) { return output.name != "loss"; });
    function.sweep();
    return function;
  }

  // States that folding made hold their data; the others are drawn.
  ir::Environment built_environment(const ir::Function& function, const ir::Environment& meant) const {
    ir::Environment made = meant;
    made.states.clear();
    for (const auto& state : function.module().states()) {
      Tensor& tensor = made.states[state->value.name] = Tensor(state->value.type.dims);
      if (!state->data.empty())
        tensor.data = state->data;
      else
        tensor = meant.states.at(state->value.name);
    }
    return made;
  }

  void compare_passes(const ir::Function& function) {
    const ir::Environment start = environment(function, 0);
    const ir::Function& optimised = *built_->find_function(function.name());
    const ReferenceRun expected(function, start);
    const ReferenceRun got(optimised, built_environment(optimised, start));
    const auto compare = [&](const std::string& name, const Tensor& want, const Tensor& have) {
      const double error = difference(want, have);
      if (!(error <= kPassTolerance))
        report("passes", fmt::format("@{}: {} differs by {:.2g} of its largest element", function.name(), name, error));
    };
    for (const auto& [name, tensor] : expected.outputs) compare(name, tensor, got.outputs.at(name));
    for (const auto& [name, tensor] : got.states)
      if (const auto found = expected.states.find(name); found != expected.states.end())
        compare(name, found->second, tensor);
  }

  void compare_program() {
    const ir::Plan plan = passes::plan_memory(*built_, target_);
    const codegen::Program program(plan, {});
    for (size_t f = 0; f < plan.functions.size(); ++f)
      compare_function(plan.functions[f], program.description(), program.description().functions[f]);
  }

  void compare_function(const ir::FunctionPlan& plan, const kiln_program& program, const kiln_function& compiled) {
    const ir::Function& meant = *meant_->find_function(plan.function->name());
    std::vector<std::string> misses;
    // Known weights are those of the first draw.
    const uint64_t draws = options_.known_weights ? 1 : kDraws;
    for (uint64_t draw = 0; draw < draws; ++draw) {
      const ir::Environment start = environment(meant, draw);
      ir::Environment given = built_environment(*plan.function, start);
      round_states(given);
      StepCheck steps(plan, given);
      const ProgramRun first = run_program(program, compiled, given, {1, true}, draw == 0 ? &steps : nullptr);
      for (const StepCheck::Finding& finding : steps.findings())
        report(fmt::format("step {}", finding.op), fmt::format("@{}: {}", meant.name(), finding.text));
      for (int threads = 2; draw == 0 && threads <= 3; ++threads)
        if (run_program(program, compiled, given, {threads, false}) != first)
          report("threads", fmt::format("@{}: {} threads give other bits than 1", meant.name(), threads));
      misses = compare_run(meant, start, program, compiled, first);
      if (misses.empty()) return;
    }
    for (const std::string& miss : misses) report("outputs", fmt::format("@{}: {}", meant.name(), miss));
  }

  const NetworkCheckOptions& options_;
  const ir::Target target_;
  std::unique_ptr<ir::Module> meant_;
  std::unique_ptr<ir::Module> built_;
  std::vector<NetworkFinding> findings_;
};

} // namespace

std::vector<NetworkFinding> check_network(const std::string& text, const NetworkCheckOptions& options) {
  return check_network(text, text, options);
}

std::vector<NetworkFinding> check_network(const std::string& meant, const std::string& built,
                                          const NetworkCheckOptions& options) {
  try {
    return Check(meant, built, options).run();
  } catch (const std::exception& error) {
    return {{"exception", error.what()}};
  }
}

} // namespace kiln::test
