// Plan -> kernels and drivers -> objects -> functions of this process.
#include "codegen/program.h"

#include "codegen/description.h"
#include "codegen/driver_builder.h"
#include "codegen/emitter.h"
#include "codegen/jit.h"
#include "codegen/optimize.h"
#include "ir/plan_text.h"
#include "ir/text.h"
#include "runtime/sha256.h"

#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <map>

namespace kiln::codegen {

namespace {

// Goes up when an emitter changes the bits that it computes, so that no checkpoint resumes under other arithmetic.
constexpr std::string_view kKernelsVersion = "2";

// Symbols are made of the key alone: the same kernel has the same name in every program.
std::string symbol_of(const std::string& key) {
  std::string_view readable(key);
  readable = readable.substr(0, readable.find(' '));
  std::string symbol = "kiln_";
  for (char c : readable) symbol += c == '.' ? '_' : c;
  return symbol + "_" + runtime::sha256_hex(key).substr(0, 16);
}

std::string driver_symbol(const ir::Function& function) {
  return "kiln_function_" + runtime::sha256_hex(function.name()).substr(0, 16);
}

// The modules of some functions of a plan: one per distinct kernel, one per driver.
class Modules {
public:
  explicit Modules(const ir::Plan& plan) : plan_(plan) {}

  void add(const ir::FunctionPlan& function) {
    std::vector<DriverStep> steps;
    for (const ir::PlanStep& step : function.steps) {
      Emission emission(step, plan_.target);
      emit_node(emission);
      DriverStep& driver_step = steps.emplace_back();
      for (const Emission::LaunchRequest& request : emission.launches())
        driver_step.launches.push_back({kernel(request), request.buffers, request.scalars, request.tasks});
    }
    EmittedModule& driver = modules_.emplace_back("driver of " + function.function->name());
    build_driver(driver, driver_symbol(*function.function), steps, plan_.target);
  }

  std::vector<EmittedModule>& modules() { return modules_; }
  int64_t kernel_count() const { return static_cast<int64_t>(symbols_.size()); }

private:
  const std::string& kernel(const Emission::LaunchRequest& request) {
    const auto [found, added] = symbols_.try_emplace(request.key);
    if (!added) return found->second;
    found->second = symbol_of(request.key);
    EmittedModule& module = modules_.emplace_back(request.key);
    KernelBuilder builder(module, found->second, plan_.target);
    request.body(builder);
    builder.finish();
    return found->second;
  }

  const ir::Plan& plan_;
  std::vector<EmittedModule> modules_;
  std::map<std::string, std::string> symbols_; // by key
};

Modules modules_of(const ir::Plan& plan, const std::string& function) {
  Modules modules(plan);
  for (const ir::FunctionPlan& candidate : plan.functions)
    if (candidate.function->name() == function) modules.add(candidate);
  if (modules.modules().empty()) throw CodegenError(fmt::format("the plan has no function @{}", function));
  return modules;
}

} // namespace

struct Program::Impl {
  Description description;
  Jit jit;
  int64_t kernel_count = 0;
  int64_t cached_count = 0;
  int64_t code_bytes = 0;
  double compile_seconds = 0;

  Impl(const ir::Plan& plan, const CompileOptions& options)
      : description(plan, plan_hash(plan), options.experiment, options.class_names) {
    const auto start = std::chrono::steady_clock::now();
    Modules modules(plan);
    for (const ir::FunctionPlan& function : plan.functions) modules.add(function);
    kernel_count = modules.kernel_count();
    const CompiledModules compiled =
        compile_all(modules.modules(), plan.target, options.threads, ObjectCache(options.cache_directory));
    cached_count = compiled.cached;
    for (const ObjectFile& object : compiled.objects) {
      code_bytes += static_cast<int64_t>(object.bytes.size());
      jit.add(object);
    }
    for (size_t i = 0; i < plan.functions.size(); ++i)
      description.set_entry(i, jit.entry(driver_symbol(*plan.functions[i].function)));
    compile_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

Program::Program(const ir::Plan& plan, const CompileOptions& options) : impl_(std::make_unique<Impl>(plan, options)) {}
Program::~Program() = default;
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;

const kiln_program& Program::description() const { return impl_->description.program(); }
int64_t Program::kernel_count() const { return impl_->kernel_count; }
int64_t Program::cached_count() const { return impl_->cached_count; }
int64_t Program::code_bytes() const { return impl_->code_bytes; }
double Program::compile_seconds() const { return impl_->compile_seconds; }

std::string plan_hash(const ir::Plan& plan) {
  runtime::Sha256 hash;
  hash.update(kKernelsVersion);
  hash.update(ir::print(*plan.module));
  // The printed module leaves long constants out.
  for (const auto& state : plan.module->states()) hash.update(state->data.data(), state->data.size() * sizeof(double));
  hash.update(ir::print(plan));
  return hash.finish_hex();
}

std::string llvm_text(const ir::Plan& plan, const std::string& function) {
  Modules modules = modules_of(plan, function);
  std::string text;
  for (const EmittedModule& module : modules.modules()) text += module.ir_text() + "\n";
  return text;
}

std::string assembly_text(const ir::Plan& plan, const std::string& function) {
  Modules modules = modules_of(plan, function);
  std::string text;
  for (const EmittedModule& module : modules.modules()) text += assembly_text(module, plan.target) + "\n";
  return text;
}

} // namespace kiln::codegen
