// What a plan takes from the system when it runs: a + b x threads bytes, known before anything is compiled.
#pragma once

#include "ir/plan.h"
#include "runtime/abi.h"

#include <cstdint>

namespace kiln::tools {

// States, arena, scratch and staging are what runtime::Instance::memory_bytes() says once every function has run, and
// the constants, which the program holds.
struct Memory {
  int64_t states = 0;             // parameters, optimiser state, constants
  int64_t arena = 0;              // activations and gradients; the largest of the functions', which share it
  int64_t scratch_per_thread = 0; // the largest of the functions', too
  int64_t input_output = 0;       // of all functions, held by the caller
  // Of training alone:
  int64_t health = 0;        // a parameter as it was before its update, where the recipe looks at that
  int64_t largest_state = 0; // as it is copied when states are filled, saved and hashed
  int64_t staging = 0;       // copies of those, and of constants, whose size is no multiple of the alignment

  int64_t fixed() const { return states + arena + input_output + staging + health + largest_state; }
};

Memory memory_of(const ir::Plan& plan);
// The same of a recipe, and what its loop takes beside.
Memory training_memory(const ir::Plan& plan, bool looks_at_health);
// What a native trainer takes for itself: the code that it reaches, stacks, buffers of files. Measured, not derived:
// good to half a megabyte.
constexpr int64_t kTrainerBytes = 2'100'000;

// Of the constants of a compiled program.
int64_t constant_bytes(const kiln_program& program);

} // namespace kiln::tools
