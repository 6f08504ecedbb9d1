// A plan to text.
#include "ir/plan_text.h"

#include "ir/op.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::ir {

namespace {

std::string text_of(const PlannedBuffer& buffer) {
  switch (buffer.kind) {
  case BufferKind::arena:
    return fmt::format("arena +{} {} bytes, steps {}..{}", buffer.offset, buffer.bytes, buffer.first_step,
                       buffer.last_step);
  case BufferKind::state:
    return fmt::format("state {} {} bytes", buffer.index, buffer.bytes);
  case BufferKind::input:
    return fmt::format("input {} {} bytes", buffer.index, buffer.bytes);
  case BufferKind::output:
    return fmt::format("output {} {} bytes", buffer.index, buffer.bytes);
  }
  return "?";
}

std::string text_of(const PlanStep& step) {
  std::string text =
      fmt::format("{} ({}) -> ({})", step.node->op().name, fmt::join(step.operands, ","), fmt::join(step.results, ","));
  if (step.node->kernel != Kernel::unset) text += fmt::format(" kernel={}", name_of(step.node->kernel));
  if (step.workspace >= 0) text += fmt::format(" workspace={}", step.workspace);
  return text;
}

} // namespace

std::string print(const Plan& plan) {
  std::string text = fmt::format("plan {} vector_width={}\n", name_of(plan.target), plan.target.vector_width);
  for (const FunctionPlan& function : plan.functions) {
    text += fmt::format("func @{} arena={} scratch={}\n", function.function->name(), function.arena_bytes,
                        function.scratch_bytes);
    for (size_t i = 0; i < function.buffers.size(); ++i)
      text += fmt::format("  buffer {} {}: {}\n", i, function.buffers[i].name, text_of(function.buffers[i]));
    for (size_t i = 0; i < function.steps.size(); ++i)
      text += fmt::format("  step {} {}\n", i, text_of(function.steps[i]));
  }
  return text;
}

} // namespace kiln::ir
