// A compiled program bound to memory and threads: the only way in which emitted code is run. One call at a time.
#pragma once

#include "runtime/abi.h"
#include "runtime/memory_block.h"
#include "runtime/thread_pool.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace kiln::runtime {

class Instance {
public:
  struct Options {
    int threads = 1;
    // Each buffer ends at a guard page, is NaN before its first step and inaccessible outside its lifetime: finds
    // emitted code that writes out of bounds or reads what was never written, and memory plans that overlap.
    bool debug_arena = false;
  };

  // Allocates everything that run() will need. `program` must outlive the instance. States hold zeros (constants: their
  // data) until initialize() or write_state(). Throws Error: another ABI version, a CPU below the program's ISA level,
  // an inconsistent description, no memory.
  Instance(const kiln_program& program, Options options);
  ~Instance();

  // Fills all states but constants from their initialisers. A value depends on (seed, state's stream, logical element
  // index) only, not on layout or threads.
  void initialize(uint64_t seed);

  // State contents in logical order: logical_bytes(states[index].tensor) bytes.
  void read_state(int index, void* logical) const;
  void write_state(int index, const void* logical); // not for constants that have data

  // The largest of the logical contents of states that are no constants: a buffer that is used for all of them.
  size_t largest_state_bytes() const;

  int find_state(std::string_view name) const;                           // -1 if there is none
  const kiln_function* find(std::string_view name, int64_t batch) const; // null if there is none

  // Runs one function on tensors in their physical layout, in the order of function.inputs and .outputs. Caller memory
  // is used in place where it is aligned and sized as KILN_BUFFER_ALIGNMENT asks, else through a copy. Allocates
  // nothing after the first call with a function. Throws Error (runtime) if the function reports one.
  void run(const kiln_function& function, std::span<const void* const> inputs, std::span<void* const> outputs,
           uint64_t seed, uint64_t step);

  // Called on the caller's thread after every plan step of every run; null for none. Must not throw.
  void set_step_hook(kiln_step_hook hook, void* context);
  // For step hooks: the buffer of the running function, whose contents are defined from its first to its last step.
  const void* buffer(int index) const;

  const kiln_program& program() const { return program_; }
  ThreadPool& pool() { return pool_; }
  // States, arena, scratch and staging copies: all that this instance has taken from the system.
  int64_t memory_bytes() const;

private:
  struct Bound; // one function and its buffer table

  void check_program() const;
  void allocate_states();
  void bind(const kiln_function& function);
  void set_lifetimes(Bound& bound, int32_t step);
  void poison_scratch();
  static void after_step(void* context, int32_t step);

  const kiln_program& program_;
  Options options_;
  ThreadPool pool_;
  std::vector<MemoryBlock> states_; // empty where a constant is used in place
  std::vector<void*> state_data_;
  MemoryBlock arena_;   // shared by all functions: one runs at a time; unused in the debug arena
  MemoryBlock scratch_; // one piece a thread, scratch_stride_ apart
  int64_t scratch_stride_ = 0;
  std::vector<std::unique_ptr<Bound>> bound_; // as program_.functions
  Bound* running_ = nullptr;
  kiln_step_hook hook_ = nullptr;
  void* hook_context_ = nullptr;
};

} // namespace kiln::runtime
