// Checks of one function: text, gradient rules against differences, emitted code against the reference.
#include "tests/support/op_check.h"

#include "codegen/program.h"
#include "ir/all_ops.h"
#include "ir/op.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/gradients.h"
#include "passes/passes.h"
#include "passes/plan_memory.h"
#include "tests/support/ir_files.h"
#include "tests/support/program_run.h"
#include "tests/support/step_check.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>

namespace kiln::test {

namespace {

using ir::Tensor;

constexpr std::string_view kCotangentPrefix = "cotangent.";

bool has_fused_activation(const ir::Node& node) {
  if (node.is<ir::Conv2d>()) return !node.attributes<ir::Conv2d>().epilogue.empty();
  if (node.is<ir::ConvTranspose2d>()) return !node.attributes<ir::ConvTranspose2d>().epilogue.empty();
  if (node.is<ir::Dense>()) return !node.attributes<ir::Dense>().epilogue.empty();
  if (node.is<ir::BatchNorm>()) return !node.attributes<ir::BatchNorm>().epilogue.empty();
  return false;
}

bool any_node(const ir::Function& function, bool (*holds)(const ir::Node&)) {
  return std::any_of(function.nodes().begin(), function.nodes().end(), [&](const auto& node) { return holds(*node); });
}

// The probability of a lone class is 1 whatever its logit: the one case of a gradient that is zero by right.
bool chooses_among_one(const ir::Node& node) {
  if (node.is<ir::SoftmaxCrossEntropy>()) return node.operand(0).type.dims[1] == 1;
  if (!node.is<ir::Softmax>()) return false;
  return node.operand(0).type.dims[static_cast<size_t>(node.attributes<ir::Softmax>().axis)] == 1;
}

} // namespace

std::vector<OpCase> op_cases(const std::string& folder) {
  std::vector<OpCase> cases;
  for (const auto& path : ir_files(folder)) {
    const std::string text = read_text(path);
    constexpr std::string_view head = "func @";
    for (size_t at = text.find(head); at != std::string::npos; at = text.find(head, at)) {
      at += head.size();
      cases.push_back({path.stem().string(), text.substr(at, text.find('(', at) - at)});
    }
  }
  return cases;
}

OpCheck::OpCheck(const std::string& folder, OpCase op_case) : case_(std::move(op_case)) {
  module_ = ir::parse(read_text(fmt::format("{}/{}.ir", folder, case_.file)));
  function_ = module_->find_function(case_.function);
  if (function_ == nullptr) throw std::runtime_error("no function @" + case_.function);
  results_ = function_->outputs;
  states_ = state_lines(ir::print(*module_));
  differentiable_ = !function_->nodes().empty();
  for (const auto& node : function_->nodes())
    if (node->op().gradient == nullptr || has_fused_activation(*node)) differentiable_ = false;
  if (differentiable_) differentiate();
}

// The gradient of sum(cotangent * output) over all outputs, with respect to every f32 input.
void OpCheck::differentiate() {
  std::vector<ir::Value*> wanted;
  for (const auto& input : function_->inputs())
    if (input->type.dtype == ir::DType::f32) wanted.push_back(input.get());
  std::vector<passes::GradientSeed> seeds;
  for (const ir::Output& output : results_)
    seeds.push_back(
        {output.value, &function_->add_input(fmt::format("{}{}", kCotangentPrefix, output.name), output.value->type)});
  const auto gradients = passes::build_gradients(*function_, seeds, wanted);
  for (const auto& [value, gradient] : gradients)
    function_->outputs.push_back({fmt::format("{}{}", ir::kGradientPrefix, value->name), gradient});
}

Findings OpCheck::round_trip() const {
  const std::string text = states_ + ir::print(*function_);
  const auto again = ir::parse(text);
  const std::string printed = ir::print(*again->functions().front());
  if (printed == ir::print(*function_)) return {};
  return {fmt::format("the text does not come back:\n{}\nis read as\n{}", text, printed)};
}

Findings OpCheck::gradient() const {
  if (!differentiable_) return {};
  ir::Environment environment = environment_for(*function_);
  const auto analytic = ir::evaluate(*function_, environment);
  // Differences need the forward part alone.
  const auto forward = ir::parse(states_ + ir::print(*function_));
  ir::Function& plain = *forward->functions().front();
  std::erase_if(plain.outputs, [](const ir::Output& o) { return o.name.starts_with(ir::kGradientPrefix); });
  plain.sweep();
  const auto objective = [&] {
    double sum = 0;
    for (const auto& [name, result] : ir::evaluate(plain, environment)) {
      const Tensor& cotangent = environment.inputs.at(fmt::format("{}{}", kCotangentPrefix, name));
      for (int64_t i = 0; i < result.elements(); ++i) sum += result[i] * cotangent[i];
    }
    return sum;
  };

  Findings findings;
  constexpr double step = 1e-5;
  constexpr int64_t kSamples = 24;
  double largest = 0;
  int64_t skipped = 0, checked = 0;
  const double middle = objective();
  for (const auto& [output, given] : analytic) {
    if (!output.starts_with(ir::kGradientPrefix)) continue;
    Tensor& input = environment.inputs.at(output.substr(ir::kGradientPrefix.size()));
    double scale = 0;
    for (double value : given.data) scale = std::max(scale, std::abs(value));
    largest = std::max(largest, scale);
    const int64_t stride = std::max<int64_t>(input.elements() / kSamples, 1);
    for (int64_t i = 0; i < input.elements(); i += stride) {
      const double value = input[i];
      input[i] = value + step;
      const double above = objective();
      input[i] = value - step;
      const double below = objective();
      input[i] = value;
      const double numeric = (above - below) / (2 * step);
      // Both sides of a smooth point agree to the second order of the step.
      if (std::abs(above - 2 * middle + below) / step > 1e-3 * std::max(scale, 1e-3)) {
        ++skipped;
        continue;
      }
      ++checked;
      const double size = std::max({std::abs(given[i]), std::abs(numeric), scale / 1000, 1e-6});
      if (!(std::abs(given[i] - numeric) <= 1e-5 * size))
        findings.push_back(fmt::format("{}[{}]: rule {}, difference {}", output, i, given[i], numeric));
    }
  }
  if (largest == 0 && !any_node(*function_, chooses_among_one)) findings.push_back("all gradients are zero");
  if (skipped * 5 > checked)
    findings.push_back(fmt::format("{} of {} elements lie at kinks", skipped, skipped + checked));
  return findings;
}

namespace {

// An op whose kernel takes every layout, and so must be run on blocked tensors too.
bool follows_layout(const ir::Node& node) {
  if (node.is<ir::ConvertLayout>() || node.op().traits.effect || node.operands().empty()) return false;
  return node.op().traits.takes_any_layout() && node.operand(0).type.rank() == 4;
}

bool is_convolution(const ir::Node& node) {
  return node.is<ir::Conv2d>() || node.is<ir::Conv2dBackwardData>() || node.is<ir::Conv2dBackwardWeights>() ||
         node.is<ir::ConvTranspose2d>();
}

void block_inputs(ir::Function& function, int32_t block) {
  for (const auto& input : function.inputs()) {
    if (input->type.rank() != 4 || input->type.dtype != ir::DType::f32) continue;
    ir::Node& node = function.create(ir::info<ir::ConvertLayout>(),
                                     ir::Attributes::of(ir::ConvertLayout::Attributes{ir::LayoutKind::nchwc, block}),
                                     {input.get()}, input->name + ".blocked", function.nodes().front().get());
    node.result().type.layout = {ir::LayoutKind::nchwc, block};
    node.kernel = ir::Kernel::any;
    function.replace_all_uses(*input, node.result());
    node.set_operand(0, *input);
  }
}

std::string renamed(const ir::Function& function, std::string_view name) {
  const std::string text = ir::print(function);
  return fmt::format("func @{}{}", name, text.substr(text.find('(')));
}

// The function with each choice of kernels. predict differs for dense layers too, which add by dot products there.
std::unique_ptr<ir::Module> make_variants(const ir::Function& function, const std::string& states,
                                          const ir::Target& target) {
  const bool blocked = any_node(function, follows_layout) && !any_node(function, is_convolution);
  std::string text = states + renamed(function, "evaluate");
  if (states.empty()) text += renamed(function, "predict.plain");
  if (blocked) text += renamed(function, "predict.blocked");
  auto module = ir::parse(text);
  if (ir::Function* plain = module->find_function("predict.plain"))
    for (const auto& node : plain->nodes())
      if (is_convolution(*node)) node->kernel = ir::Kernel::plain;
  if (ir::Function* chosen = module->find_function("predict.blocked")) block_inputs(*chosen, target.vector_width);
  // Not through the pass manager, which would refuse blocked tensors beside plain ones before assign_layouts.
  const passes::PassOptions options{target};
  passes::choose_kernels(*module, options);
  passes::assign_layouts(*module, options);
  passes::separate_outputs(*module, options);
  if (const auto problem = ir::verify(*module, &target)) throw std::logic_error(*problem);
  return module;
}

// What random values never are: ties and zeros, a NaN where the op keeps elements apart, a label that is no class.
void make_awkward(const ir::Function& function, ir::Environment& environment) {
  bool nan_wanted = any_node(function, follows_layout) && !any_node(function, is_convolution);
  for (const auto& input : function.inputs()) {
    Tensor& tensor = environment.inputs.at(input->name);
    if (input->type.dtype == ir::DType::f32)
      for (int64_t i = 0; i < tensor.elements(); i += 3) tensor[i] = std::round(tensor[i] * 4) / 4;
    if (input->type.dtype == ir::DType::f32 && std::exchange(nan_wanted, false) && tensor.elements() >= 8)
      tensor.data.back() = NAN;
    if (input->type.dtype == ir::DType::i32 && tensor.elements() >= 3)
      tensor.data.back() = static_cast<double>(classes_of(function, *input));
  }
}

} // namespace

Findings OpCheck::emitted(ir::IsaLevel level) const {
  const ir::Target target = ir::target_for(level);
  const auto module = make_variants(*function_, states_, target);
  const ir::Plan plan = passes::plan_memory(*module, target);
  codegen::CompileOptions options;
  const codegen::Program program(plan, options);
  const kiln_program& description = program.description();
  Findings findings;
  for (size_t f = 0; f < plan.functions.size(); ++f) {
    const ir::Function& function = *plan.functions[f].function;
    ir::Environment environment = environment_for(function);
    make_awkward(function, environment);
    const kiln_function& compiled = description.functions[f];
    StepCheck check(plan.functions[f], environment);
    const ProgramRun first = run_program(description, compiled, environment, {1, true}, &check);
    for (const StepCheck::Finding& finding : check.findings())
      findings.push_back(
          fmt::format("{} at {}, @{}: {}", case_.file, ir::name_of(level), function.name(), finding.text));
    for (int threads : {2, 3}) {
      const ProgramRun other = run_program(description, compiled, environment, {threads, false});
      if (other != first)
        findings.push_back(fmt::format("{} at {}, @{}: {} threads give other bits than 1", case_.file,
                                       ir::name_of(level), function.name(), threads));
    }
  }
  return findings;
}

} // namespace kiln::test
