// The modules that the functions of a plan become: one a kernel, shared by all launches of the same key, and one driver
// a function.
#pragma once

#include "codegen/emitter.h"
#include "codegen/module.h"
#include "ir/plan.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kiln::codegen {

class PlanModules {
public:
  // Drivers are named `driver_prefix` + a hash of the function's name, and launch through `parallel_for`, which has the
  // signature of kiln_parallel_for.
  explicit PlanModules(const ir::Plan& plan, std::string driver_prefix = "kiln_function_",
                       std::string parallel_for = "kiln_parallel_for")
      : plan_(plan), driver_prefix_(std::move(driver_prefix)), parallel_for_(std::move(parallel_for)) {}

  // `function` is one of the plan's.
  void add(const ir::FunctionPlan& function);

  std::vector<EmittedModule>& modules() { return modules_; }
  int64_t kernel_count() const { return static_cast<int64_t>(symbols_.size()); }
  std::string driver_symbol(const ir::Function& function) const;

private:
  const std::string& kernel(const Emission::LaunchRequest& request);

  const ir::Plan& plan_;
  const std::string driver_prefix_;
  const std::string parallel_for_;
  std::vector<EmittedModule> modules_;
  std::map<std::string, std::string> symbols_; // by key
};

} // namespace kiln::codegen
