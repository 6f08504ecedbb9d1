// Plan -> kernels and drivers -> objects -> functions of this process.
#include "codegen/program.h"

#include "codegen/description.h"
#include "codegen/jit.h"
#include "codegen/optimize.h"
#include "codegen/plan_modules.h"
#include "ir/plan_text.h"
#include "ir/text.h"
#include "runtime/sha256.h"

#include <chrono>
#include <cstring>
#include <fmt/format.h>

namespace kiln::codegen {

namespace {

// Goes up when an emitter changes the bits that it computes, so that no checkpoint resumes under other arithmetic.
constexpr std::string_view kKernelsVersion = "9";

PlanModules modules_of(const ir::Plan& plan, const std::string& function) {
  PlanModules modules(plan);
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

  Impl(const ir::Plan& plan, const CompileOptions& options) : description(plan, plan_hash(plan), options.facts) {
    const auto start = std::chrono::steady_clock::now();
    PlanModules modules(plan);
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
      description.set_entry(i, jit.entry(modules.driver_symbol(*plan.functions[i].function)));
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
  PlanModules modules = modules_of(plan, function);
  std::string text;
  for (const EmittedModule& module : modules.modules()) text += module.ir_text() + "\n";
  return text;
}

std::string assembly_text(const ir::Plan& plan, const std::string& function) {
  PlanModules modules = modules_of(plan, function);
  std::string text;
  for (const EmittedModule& module : modules.modules()) text += assembly_text(module, plan.target) + "\n";
  return text;
}

} // namespace kiln::codegen
