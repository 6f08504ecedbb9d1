// Runs passes over a module: verifies after each, sweeps dead nodes, checks that `changed` is true.
#pragma once

#include "passes/passes.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace kiln::passes {

// A pass broke the module: a defect of Kiln. The message names the pass and the command that replays it.
struct InternalError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct RunOptions {
  PassOptions pass;
  // Called after each pass with its name and whether it changed the module.
  std::function<void(std::string_view pass, const ir::Module& module, bool changed)> after_pass;
};

// Throws PassError for what the user's network asks and no pass can do, InternalError for defects.
void run_passes(ir::Module& module, std::span<const std::string_view> names, const RunOptions& options);
void run_passes(ir::Module& module, std::span<const PassInfo> passes, const RunOptions& options);

} // namespace kiln::passes
