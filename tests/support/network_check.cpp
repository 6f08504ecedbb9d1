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
#include <map>
#include <memory>
#include <string>

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

// The loss of a train_step along a random direction of its parameters.
class AlongDirection {
public:
  double rule = 0; // what the gradient rules make of its slope
  double size = 0; // of what they add up

  // On a copy of the module, since it asks for gradients as outputs.
  AlongDirection(const ir::Module& meant, const ir::Target& target, ir::Environment start)
      : module_(ir::parse(ir::print(meant))), start_(std::move(start)) {
    passes::run_passes(*module_, {kMeaning.data(), 1}, {{target}, {}});
    ir::Function& function = *module_->find_function("train_step");
    const auto outputs = ReferenceRun(function, start_).outputs;
    for (const auto& [name, tensor] : start_.states) {
      const auto gradient = outputs.find(fmt::format("{}{}", ir::kGradientPrefix, name));
      if (gradient == outputs.end()) continue;
      ir::Tensor& direction = directions_[name] = Tensor(tensor.dims);
      const uint64_t key = random::stream_id(name) + 17;
      for (int64_t i = 0; i < tensor.elements(); ++i) {
        direction[i] = random_element(key, i);
        rule += gradient->second[i] * direction[i];
        size += gradient->second[i] * direction[i] * gradient->second[i] * direction[i];
      }
    }
    size = std::sqrt(size);
    // What the loss does not need is not run again.
    std::erase_if(function.outputs, [](const ir::Output& output) { return output.name != "loss"; });
    function.sweep();
  }

  double central_difference(double step) const { return (loss(step) - loss(-step)) / (2 * step); }

private:
  double loss(double step) const {
    ir::Environment moved = start_;
    for (const auto& [name, direction] : directions_)
      for (int64_t i = 0; i < direction.elements(); ++i) moved.states.at(name)[i] += step * direction[i];
    return ReferenceRun(*module_->find_function("train_step"), moved).outputs.at("loss")[0];
  }

  std::unique_ptr<ir::Module> module_;
  ir::Environment start_;
  std::map<std::string, Tensor> directions_;
};

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

  // A difference that steps across a kink of the loss, of a maximum or a hinge, says nothing, so nearer ones are asked
  // then; a wrong rule disagrees with all of them.
  void compare_gradient() {
    const AlongDirection along(*meant_, target_, environment(*meant_->find_function("train_step"), 0));
    std::string differences;
    for (const double step : {1e-5, 1e-6, 1e-7}) {
      const double difference = along.central_difference(step);
      const double scale = std::max({std::abs(difference), along.size, 1e-6});
      if (std::abs(difference - along.rule) <= kDifferenceTolerance * scale) return;
      differences += fmt::format(" {} (step {})", difference, step);
    }
    report("gradient", fmt::format("along a random direction: rules {}, differences{}", along.rule, differences));
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
