// Runs passes: verification, sweeping, honesty of `changed`, and a replay file when one breaks the module.
#include "passes/pass_manager.h"

#include "ir/text.h"
#include "ir/verify.h"

#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>
#include <vector>

namespace kiln::passes {

namespace {

// Strict verification holds once every node has a kernel and layouts were assigned for them.
bool is_strict(std::string_view pass, bool was_strict) { return was_strict || pass == "assign_layouts"; }

std::string save_replay(std::string_view pass, const std::string& before, const PassOptions& options) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("kiln-{}-{}.ir", pass, ::getpid());
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return "the module before it could not be saved";
  std::fwrite(before.data(), 1, before.size(), file);
  std::fclose(file);
  return fmt::format("replay: kiln-opt {} --passes={} --cpu={}", path.string(), pass, name_of(options.target.level));
}

bool sweep(ir::Module& module) {
  bool swept = false;
  for (const auto& function : module.functions()) swept |= function->sweep();
  return swept;
}

bool assigned_layouts(const ir::Module& module) {
  for (const auto& function : module.functions())
    for (const auto& node : function->nodes()) {
      for (const ir::Value* operand : node->operands())
        if (operand->type.layout != ir::Layout{}) return true;
    }
  return false;
}

} // namespace

void run_passes(ir::Module& module, std::span<const std::string_view> names, const RunOptions& options) {
  std::vector<PassInfo> passes;
  for (std::string_view name : names) {
    const PassInfo* pass = find_pass(name);
    if (pass == nullptr) throw PassError(fmt::format("no pass '{}'", name));
    passes.push_back(*pass);
  }
  run_passes(module, passes, options);
}

void run_passes(ir::Module& module, std::span<const PassInfo> passes, const RunOptions& options) {
  bool strict = assigned_layouts(module);
  std::string before = ir::print(module);
  for (const PassInfo& pass : passes) {
    const auto fail = [&](const std::string& problem) {
      throw InternalError(
          fmt::format("pass {}: {}; {}", pass.name, problem, save_replay(pass.name, before, options.pass)));
    };
    bool changed = false;
    try {
      changed = pass.run(module, options.pass);
    } catch (const PassError&) {
      throw;
    } catch (const std::exception& error) {
      fail(error.what());
    }
    strict = is_strict(pass.name, strict);
    // Before sweeping, which takes the order of nodes for granted.
    if (const auto problem = ir::verify(module, strict ? &options.pass.target : nullptr)) fail(*problem);
    if (changed) sweep(module);
    std::string after = ir::print(module);
    if (!changed && after != before) fail("it changed the module and said it did not");
    if (options.after_pass) options.after_pass(pass.name, module, changed);
    before = std::move(after);
  }
}

} // namespace kiln::passes
