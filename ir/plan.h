// What codegen receives besides the graph: the steps in order, and where every tensor lies. Made by passes/plan_memory,
// a function of the graph and the target alone.
#pragma once

#include "ir/graph.h"
#include "ir/target.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::ir {

enum class BufferKind : uint8_t { arena, state, input, output };

// Mirrors kiln_buffer of runtime/abi.h.
struct PlannedBuffer {
  BufferKind kind = BufferKind::arena;
  int32_t index = 0;  // of the state, input or output
  int64_t offset = 0; // arena only
  int64_t bytes = 0;  // rounded up to KILN_BUFFER_ALIGNMENT
  int32_t first_step = 0;
  int32_t last_step = 0;
  std::string name; // of the value that made it; for people
};

// One node that does something (aliases are no steps).
struct PlanStep {
  const Node* node = nullptr;
  std::vector<int32_t> operands; // buffer of each operand
  std::vector<int32_t> results;
  int32_t workspace = -1; // buffer, when the kernel needs one
};

struct FunctionPlan {
  const Function* function = nullptr;
  std::vector<PlannedBuffer> buffers;
  std::vector<PlanStep> steps;
  int64_t arena_bytes = 0;
  int64_t scratch_bytes = 0; // per thread
};

struct Plan {
  const Module* module = nullptr;
  Target target;
  std::vector<FunctionPlan> functions;
};

} // namespace kiln::ir
