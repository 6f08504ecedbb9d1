// Sums over a plan, rounded as the runtime rounds.
#include "memory.h"

#include "runtime/health.h"

#include <algorithm>

namespace kiln::tools {

namespace {

constexpr int64_t kElementBytes = 4; // of every state that is saved

int64_t block(int64_t bytes) {
  constexpr int64_t unit = KILN_BUFFER_ALIGNMENT;
  return (std::max<int64_t>(bytes, 1) + unit - 1) / unit * unit;
}

} // namespace

Memory memory_of(const ir::Plan& plan) {
  Memory memory;
  for (const auto& state : plan.module->states()) {
    const int64_t bytes = state->value.type.bytes();
    memory.states += block(bytes);
    if (state->role == ir::StateRole::constant && bytes != block(bytes)) memory.staging += block(bytes);
  }
  for (const ir::FunctionPlan& function : plan.functions) {
    if (function.arena_bytes > 0) memory.arena = std::max(memory.arena, block(function.arena_bytes));
    if (function.scratch_bytes > 0)
      memory.scratch_per_thread = std::max(memory.scratch_per_thread, block(function.scratch_bytes));
    const auto add = [&](int64_t bytes) {
      memory.input_output += block(bytes);
      if (bytes != block(bytes)) memory.staging += block(bytes);
    };
    for (const auto& input : function.function->inputs()) add(input->type.bytes());
    for (const ir::Output& output : function.function->outputs) add(output.value->type.bytes());
  }
  return memory;
}

Memory training_memory(const ir::Plan& plan, bool looks_at_health) {
  Memory memory = memory_of(plan);
  int64_t largest_parameter = 0;
  for (const auto& state : plan.module->states()) {
    if (state->role == ir::StateRole::constant) continue;
    memory.largest_state = std::max(memory.largest_state, state->value.type.elements() * kElementBytes);
    if (state->role == ir::StateRole::parameter)
      largest_parameter = std::max(largest_parameter, state->value.type.bytes());
  }
  if (looks_at_health) memory.health = runtime::health_bytes(largest_parameter);
  return memory;
}

int64_t constant_bytes(const kiln_program& program) {
  int64_t bytes = 0;
  for (int i = 0; i < program.state_count; ++i)
    if (program.states[i].role == KILN_CONSTANT) bytes += block(program.states[i].tensor.bytes);
  return bytes;
}

} // namespace kiln::tools
