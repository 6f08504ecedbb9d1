// The passes, and what one is: a function that changes a module and says whether it did.
#pragma once

#include "ir/graph.h"
#include "ir/target.h"

#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kiln::passes {

struct PassOptions {
  ir::Target target;
  // Told what a pass decided that people may want to know, in a sentence. May be empty.
  std::function<void(const ir::Function& function, const std::string& sentence)> note = {};
};

// A module that a pass cannot work on: a parameter behind an op without a gradient, say. For people.
struct PassError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What a function is for, told by its name: "train_step"; "evaluate..."; all others predict.
enum class FunctionKind : uint8_t { train_step, evaluate, predict };
FunctionKind kind_of(const ir::Function& function);

// What notes call a node: its layer, or the result of one that belongs to none.
const std::string& name_for_people(const ir::Node& node);

using PassFunction = bool (*)(ir::Module& module, const PassOptions& options);

struct PassInfo {
  std::string_view name;
  std::string_view summary;
  PassFunction run;
};

std::span<const PassInfo> all_passes();
const PassInfo* find_pass(std::string_view name);

// Each in passes/<name>.cpp, with its opening comment saying what it assumes and why it stands where it stands.
#define PASS(name, summary) bool name(ir::Module& module, const PassOptions& options);
#include "passes/passes.def"
#undef PASS

} // namespace kiln::passes
