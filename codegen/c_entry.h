// The entries of a C library in LLVM IR: NAME_init and one NAME_predict a function, with the memory that each works in.
#pragma once

#include "codegen/module.h"
#include "ir/plan.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kiln::codegen {

// What entries return, and what the header calls it.
enum class CStatus : int32_t {
  ok = 0,
  null_argument = 1,
  misaligned_memory = 2,
  wrong_build = 3,
  wrong_cpu = 4,
  wrong_file = 5
};

// Where a state is: a constant of the library, or in the caller's memory for all that learns.
struct CState {
  std::string symbol;        // of the constant; of the initial values of what learns, empty: zeros
  int64_t model_offset = -1; // -1: no part of the model
  int64_t file_offset = -1;  // of its logical values in a saved file; -1: not in it
};

// Where an entry finds what its driver works on: offsets into the caller's memory. Inputs and outputs are copied in and
// out, so that callers owe them no alignment.
struct CMemory {
  explicit CMemory(const ir::FunctionPlan& plan);

  std::vector<int64_t> inputs, outputs;
  int64_t scratch = 0; // behind the arena, which comes first
  int64_t bytes = 0;
};

struct CFunction {
  const ir::FunctionPlan* plan;
  std::string symbol;        // of the entry
  std::string driver_symbol; // int32_t driver(const kiln_call*)
};

// int32_t NAME_init(uint32_t build): checks that header and object are of one build, and the CPU against `target`.
void build_c_init(EmittedModule& module, const std::string& symbol, uint32_t build, const ir::Target& target);

// int32_t symbol(const inputs*..., outputs*..., [uint64_t seed, uint64_t step,] [void* model,] void* memory): runs the
// driver on one thread with denormals flushed. Seed and step where the function trains, the model where there is one.
void build_c_entry(EmittedModule& module, const CFunction& function, std::span<const CState> states,
                   const ir::Target& target);

// What learns, in one block of the caller's memory, and its file: the bytes of `header`, then logical values.
struct CModel {
  std::vector<CState> states; // as the module's
  std::string header;
  int64_t bytes = 0;
  int64_t file_bytes = 0;
};

// int32_t symbol(void* model): the initial values.
void build_c_start(EmittedModule& module, const std::string& symbol, const ir::Plan& plan, const CModel& model);
// int32_t symbol(const void* model, void* file)
void build_c_save(EmittedModule& module, const std::string& symbol, const ir::Plan& plan, const CModel& model);
// int32_t symbol(void* model, const void* file, uint64_t bytes): does nothing if it is not such a file.
void build_c_load(EmittedModule& module, const std::string& symbol, const ir::Plan& plan, const CModel& model);

bool trains(const ir::Function& function);

// void symbol(call, kernel, args, tasks), weak: all tasks on the caller's thread.
void build_serial_for(EmittedModule& module, const std::string& symbol, const ir::Target& target);

// A hidden constant of 64-byte alignment.
void build_constant(EmittedModule& module, const std::string& symbol, const void* data, int64_t bytes);

// Names of what several models may hold alike begin with this.
inline constexpr const char* kSharedPrefix = "kiln_";

// Hides the functions that a module defines or calls, intrinsics aside; those of the shared prefix become weak.
void hide_functions(EmittedModule& module);

} // namespace kiln::codegen
