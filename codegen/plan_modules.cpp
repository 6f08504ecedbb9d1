// Emission of every kernel and driver of a plan's functions.
#include "codegen/plan_modules.h"

#include "codegen/driver_builder.h"
#include "runtime/sha256.h"

#include <fmt/format.h>
#include <string_view>

namespace kiln::codegen {

namespace {

// Made of the key and the level alone: the same kernel has the same name in every program, and programs that hold code
// for several levels do not mix them up.
std::string symbol_of(const std::string& key, const ir::Target& target) {
  std::string_view readable(key);
  readable = readable.substr(0, readable.find(' '));
  std::string symbol = "kiln_";
  for (char c : readable) symbol += c == '.' ? '_' : c;
  return symbol + "_" + runtime::sha256_hex(fmt::format("{} for {}", key, name_of(target))).substr(0, 16);
}

} // namespace

std::string PlanModules::driver_symbol(const ir::Function& function) const {
  return driver_prefix_ + runtime::sha256_hex(function.name()).substr(0, 16);
}

void PlanModules::add(const ir::FunctionPlan& function) {
  std::vector<DriverStep> steps;
  for (const ir::PlanStep& step : function.steps) {
    Emission emission(step, plan_.target);
    emit_node(emission);
    DriverStep& driver_step = steps.emplace_back();
    for (const Emission::LaunchRequest& request : emission.launches())
      driver_step.launches.push_back({kernel(request), request.buffers, request.scalars, request.tasks});
  }
  EmittedModule& driver = modules_.emplace_back("driver of " + function.function->name());
  build_driver(driver, {driver_symbol(*function.function), parallel_for_}, steps, plan_.target);
}

const std::string& PlanModules::kernel(const Emission::LaunchRequest& request) {
  const auto [found, added] = symbols_.try_emplace(request.key);
  if (!added) return found->second;
  found->second = symbol_of(request.key, plan_.target);
  EmittedModule& module = modules_.emplace_back(request.key);
  KernelBuilder builder(module, found->second, plan_.target);
  request.body(builder);
  builder.finish();
  return found->second;
}

} // namespace kiln::codegen
