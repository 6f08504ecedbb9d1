// The table of passes: passes.def expanded. A pass without its function does not link.
#include "passes/passes.h"

#include <array>

namespace kiln::passes {

namespace {
constexpr std::array kPasses = {
#define PASS(name, summary) PassInfo{#name, summary, &name},
#include "passes/passes.def"
#undef PASS
};
} // namespace

std::span<const PassInfo> all_passes() { return kPasses; }

const PassInfo* find_pass(std::string_view name) {
  for (const PassInfo& pass : kPasses)
    if (pass.name == name) return &pass;
  return nullptr;
}

const std::string& name_for_people(const ir::Node& node) {
  return node.layer.empty() ? node.result().name : node.layer;
}

FunctionKind kind_of(const ir::Function& function) {
  if (function.name() == "train_step") return FunctionKind::train_step;
  return function.name().starts_with("evaluate") ? FunctionKind::evaluate : FunctionKind::predict;
}

} // namespace kiln::passes
