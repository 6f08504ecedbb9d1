// Memory and calls of one compiled program, and the debug arena.
#include "runtime/instance.h"

#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/initializers.h"
#include "runtime/layout.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <unistd.h>
#include <utility>

namespace kiln::runtime {

namespace {

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }
int64_t buffer_size(const kiln_tensor& tensor) { return round_up(tensor.bytes, KILN_BUFFER_ALIGNMENT); }

bool usable_in_place(const void* data, const kiln_tensor& tensor) {
  return reinterpret_cast<uintptr_t>(data) % KILN_BUFFER_ALIGNMENT == 0 && buffer_size(tensor) == tensor.bytes;
}

// A wrong description is a fault of the compiler that made it, never of the user.
[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw Error(ErrorKind::runtime, "inconsistent program: " + where + ": " + why);
}

bool alive_together(const kiln_buffer& a, const kiln_buffer& b) {
  const kiln_buffer& first = a.first_step <= b.first_step ? a : b;
  const kiln_buffer& second = a.first_step <= b.first_step ? b : a;
  if (second.first_step > first.last_step) return false;
  // A step may write its result over the operand it reads for the last time, element for element.
  const bool in_place =
      second.first_step == first.last_step && first.first_step < second.first_step && first.offset == second.offset;
  return !in_place;
}

void check_arena(const kiln_function& function) {
  const auto* buffers = function.buffers;
  for (int i = 0; i < function.buffer_count; ++i) {
    const kiln_buffer& a = buffers[i];
    if (a.kind != KILN_BUFFER_ARENA) continue;
    const std::string where = std::string(function.name) + ", buffer " + std::to_string(i);
    if (a.bytes < 0 || a.offset < 0 || a.offset % KILN_BUFFER_ALIGNMENT != 0 ||
        a.offset + round_up(a.bytes, KILN_BUFFER_ALIGNMENT) > function.arena_bytes) {
      refuse(where, "lies outside the arena or is not aligned");
    }
    if (a.first_step < 0 || a.first_step > a.last_step || a.last_step >= function.step_count) {
      refuse(where, "impossible lifetime");
    }
    for (int j = 0; j < i; ++j) {
      const kiln_buffer& b = buffers[j];
      if (b.kind != KILN_BUFFER_ARENA || a.offset >= b.offset + b.bytes || b.offset >= a.offset + a.bytes) continue;
      if (alive_together(a, b)) refuse(where, "overlaps buffer " + std::to_string(j) + ", alive at the same time");
    }
  }
}

void check_indices(const kiln_program& program, const kiln_function& function) {
  for (int i = 0; i < function.buffer_count; ++i) {
    const kiln_buffer& buffer = function.buffers[i];
    const std::string where = std::string(function.name) + ", buffer " + std::to_string(i);
    const auto check = [&](int count, auto&& tensor_at) {
      if (buffer.index < 0 || buffer.index >= count) refuse(where, "its index is out of range");
      if (buffer.bytes > buffer_size(tensor_at(buffer.index))) refuse(where, "is larger than its tensor");
    };
    switch (buffer.kind) {
    case KILN_BUFFER_ARENA:
      break;
    case KILN_BUFFER_STATE:
      check(program.state_count, [&](int s) -> const kiln_tensor& { return program.states[s].tensor; });
      break;
    case KILN_BUFFER_INPUT:
      check(function.input_count, [&](int t) -> const kiln_tensor& { return function.inputs[t]; });
      break;
    case KILN_BUFFER_OUTPUT:
      check(function.output_count, [&](int t) -> const kiln_tensor& { return function.outputs[t]; });
      break;
    default:
      refuse(where, "unknown kind");
    }
  }
}

} // namespace

struct Instance::Bound {
  const kiln_function& function;
  std::vector<void*> buffers;
  std::vector<MemoryBlock> arena; // debug arena: one block a buffer, empty for those that are not in the arena
  // Copies of inputs and outputs whose caller memory cannot be used in place; made at first need.
  std::vector<MemoryBlock> inputs;
  std::vector<MemoryBlock> outputs;
};

Instance::Instance(const kiln_program& program, Options options)
    : program_(program), options_(options), pool_(options.threads) {
  check_program();
  allocate_states();

  int64_t arena_bytes = 0;
  int64_t scratch_bytes = 0;
  for (int f = 0; f < program_.function_count; ++f) {
    arena_bytes = std::max(arena_bytes, program_.functions[f].arena_bytes);
    scratch_bytes = std::max(scratch_bytes, program_.functions[f].scratch_bytes);
  }
  if (arena_bytes > 0 && !options_.debug_arena) arena_ = MemoryBlock::allocate(arena_bytes);
  scratch_stride_ = round_up(scratch_bytes, KILN_BUFFER_ALIGNMENT);
  if (scratch_bytes > 0 && !options_.debug_arena) {
    scratch_ = MemoryBlock::allocate(scratch_stride_ * pool_.threads());
  } else if (scratch_bytes > 0) {
    // Each thread's piece is followed by a page that faults; run() makes the piece end there.
    const int64_t page = sysconf(_SC_PAGESIZE);
    const int64_t inner = round_up(scratch_bytes, page);
    scratch_stride_ = inner + page;
    scratch_ = MemoryBlock::allocate_guarded(scratch_stride_ * pool_.threads() - page);
    for (int t = 1; t < pool_.threads(); ++t) scratch_.forbid(t * scratch_stride_ - page, page);
  }
  for (int f = 0; f < program_.function_count; ++f) bind(program_.functions[f]);
}

Instance::~Instance() = default;

void Instance::check_program() const {
  if (program_.abi_version != KILN_ABI_VERSION) {
    throw Error(ErrorKind::unsupported, "the program was compiled for runtime interface " +
                                            std::to_string(program_.abi_version) + ", this is " +
                                            std::to_string(KILN_ABI_VERSION));
  }
  const auto level = parse_isa_level(program_.isa ? program_.isa : "");
  if (!level) refuse("isa", "unknown level \"" + std::string(program_.isa ? program_.isa : "") + "\"");
  if (*level > cpu_isa_level()) {
    throw Error(ErrorKind::unsupported, "the program was compiled for x86-64 level " + std::string(name_of(*level)) +
                                            ", this CPU offers " + std::string(name_of(cpu_isa_level())));
  }
  for (int f = 0; f < program_.function_count; ++f) {
    const kiln_function& function = program_.functions[f];
    for (int i = 0; i < function.input_count; ++i) check_tensor(function.inputs[i]);
    for (int i = 0; i < function.output_count; ++i) check_tensor(function.outputs[i]);
    check_indices(program_, function);
    check_arena(function);
  }
}

void Instance::allocate_states() {
  states_.resize(static_cast<size_t>(program_.state_count));
  state_data_.resize(states_.size());
  for (size_t s = 0; s < states_.size(); ++s) {
    const kiln_state& state = program_.states[s];
    check_tensor(state.tensor);
    const bool constant = state.role == KILN_CONSTANT && state.data != nullptr;
    if (constant && !options_.debug_arena && usable_in_place(state.data, state.tensor)) {
      state_data_[s] = const_cast<void*>(state.data); // never written: no function has it as a result
      continue;
    }
    states_[s] = options_.debug_arena ? MemoryBlock::allocate_guarded(state.tensor.bytes)
                                      : MemoryBlock::allocate(state.tensor.bytes);
    state_data_[s] = states_[s].data();
    if (constant) std::memcpy(state_data_[s], state.data, static_cast<size_t>(state.tensor.bytes));
  }
}

void Instance::bind(const kiln_function& function) {
  auto bound = std::make_unique<Bound>(Bound{function, {}, {}, {}, {}});
  bound->buffers.resize(static_cast<size_t>(function.buffer_count));
  bound->arena.resize(bound->buffers.size());
  bound->inputs.resize(static_cast<size_t>(function.input_count));
  bound->outputs.resize(static_cast<size_t>(function.output_count));
  for (size_t i = 0; i < bound->buffers.size(); ++i) {
    const kiln_buffer& buffer = function.buffers[i];
    if (buffer.kind == KILN_BUFFER_STATE) {
      bound->buffers[i] = state_data_[static_cast<size_t>(buffer.index)];
    } else if (buffer.kind == KILN_BUFFER_ARENA && options_.debug_arena) {
      bound->arena[i] = MemoryBlock::allocate_guarded(buffer.bytes);
      bound->buffers[i] = bound->arena[i].data();
    } else if (buffer.kind == KILN_BUFFER_ARENA) {
      bound->buffers[i] = arena_.data() + buffer.offset;
    }
  }
  bound_.push_back(std::move(bound));
}

void Instance::initialize(uint64_t seed) {
  std::vector<uint32_t> logical;
  logical.reserve(largest_state_bytes() / sizeof(uint32_t) + 1);
  for (int s = 0; s < program_.state_count; ++s) {
    const kiln_state& state = program_.states[s];
    if (state.role == KILN_CONSTANT) continue;
    logical.resize(static_cast<size_t>(element_count(state.tensor)));
    initialize_state(state, seed, logical.data());
    write_state(s, logical.data());
  }
}

void Instance::read_state(int index, void* logical) const {
  unpack(program_.states[index].tensor, state_data_[static_cast<size_t>(index)], logical);
}

void Instance::write_state(int index, const void* logical) {
  const kiln_state& state = program_.states[index];
  if (state.role == KILN_CONSTANT && state.data != nullptr)
    refuse(state.tensor.name, "a constant with data cannot be written");
  pack(state.tensor, logical, state_data_[static_cast<size_t>(index)]);
}

size_t Instance::largest_state_bytes() const {
  int64_t largest = 0;
  for (int s = 0; s < program_.state_count; ++s)
    if (program_.states[s].role != KILN_CONSTANT) largest = std::max(largest, logical_bytes(program_.states[s].tensor));
  return static_cast<size_t>(largest);
}

int Instance::find_state(std::string_view name) const {
  for (int s = 0; s < program_.state_count; ++s) {
    if (name == program_.states[s].tensor.name) return s;
  }
  return -1;
}

const kiln_function* Instance::find(std::string_view name, int64_t batch) const {
  for (int f = 0; f < program_.function_count; ++f) {
    const kiln_function& function = program_.functions[f];
    if (name == function.name && batch == function.batch) return &function;
  }
  return nullptr;
}

void Instance::set_step_hook(kiln_step_hook hook, void* context) {
  hook_ = hook;
  hook_context_ = context;
}

const void* Instance::buffer(int index) const { return running_->buffers[static_cast<size_t>(index)]; }

void Instance::run(const kiln_function& function, std::span<const void* const> inputs, std::span<void* const> outputs,
                   uint64_t seed, uint64_t step) {
  const auto position = &function - program_.functions;
  if (position < 0 || position >= program_.function_count) refuse(function.name, "is no function of this program");
  if (inputs.size() != static_cast<size_t>(function.input_count) ||
      outputs.size() != static_cast<size_t>(function.output_count)) {
    refuse(function.name, "called with another number of inputs or outputs than it has");
  }
  Bound& bound = *bound_[static_cast<size_t>(position)];

  const auto stage = [&](MemoryBlock& block, const kiln_tensor& tensor) {
    if (!block) {
      block = options_.debug_arena ? MemoryBlock::allocate_guarded(tensor.bytes) : MemoryBlock::allocate(tensor.bytes);
    }
    return block.data();
  };
  for (size_t i = 0; i < bound.buffers.size(); ++i) {
    const kiln_buffer& buffer = function.buffers[i];
    const auto index = static_cast<size_t>(buffer.index);
    if (buffer.kind == KILN_BUFFER_INPUT) {
      const kiln_tensor& tensor = function.inputs[index];
      if (!options_.debug_arena && usable_in_place(inputs[index], tensor)) {
        bound.buffers[i] = const_cast<void*>(inputs[index]);
      } else {
        bound.buffers[i] = stage(bound.inputs[index], tensor);
        std::memcpy(bound.buffers[i], inputs[index], static_cast<size_t>(tensor.bytes));
      }
    } else if (buffer.kind == KILN_BUFFER_OUTPUT) {
      const kiln_tensor& tensor = function.outputs[index];
      const bool in_place = !options_.debug_arena && usable_in_place(outputs[index], tensor);
      bound.buffers[i] = in_place ? outputs[index] : stage(bound.outputs[index], tensor);
      if (options_.debug_arena) bound.outputs[index].poison();
    }
  }

  kiln_call call = {};
  call.abi_version = KILN_ABI_VERSION;
  call.buffers = bound.buffers.data();
  call.seed = seed;
  call.step = step;
  call.pool = &pool_;
  call.scratch = scratch_.data();
  call.scratch_bytes = scratch_stride_;
  if (hook_ || options_.debug_arena) {
    call.hook = after_step;
    call.hook_context = this;
  }
  if (options_.debug_arena) {
    if (scratch_)
      call.scratch += scratch_stride_ - sysconf(_SC_PAGESIZE) - round_up(function.scratch_bytes, KILN_BUFFER_ALIGNMENT);
    poison_scratch();
    for (MemoryBlock& block : bound.arena) {
      block.set_accessible(true);
      block.poison();
    }
    set_lifetimes(bound, 0);
  }

  running_ = &bound;
  int32_t status = KILN_OK;
  {
    const FlushDenormals flush;
    status = function.entry(&call);
  }
  running_ = nullptr;
  if (status != KILN_OK) {
    throw Error(ErrorKind::runtime, std::string("compiled function \"") + function.name + "\" failed with status " +
                                        std::to_string(status));
  }

  for (size_t i = 0; i < bound.buffers.size(); ++i) {
    const kiln_buffer& buffer = function.buffers[i];
    const auto index = static_cast<size_t>(buffer.index);
    if (buffer.kind == KILN_BUFFER_OUTPUT && bound.buffers[i] != outputs[index]) {
      std::memcpy(outputs[index], bound.buffers[i], static_cast<size_t>(function.outputs[index].bytes));
    }
  }
}

// Debug arena: buffers not alive in `step` fault when touched; what a dead one held is gone.
void Instance::set_lifetimes(Bound& bound, int32_t step) {
  for (size_t i = 0; i < bound.arena.size(); ++i) {
    const kiln_buffer& buffer = bound.function.buffers[i];
    if (buffer.kind != KILN_BUFFER_ARENA) continue;
    bound.arena[i].set_accessible(buffer.first_step <= step && step <= buffer.last_step);
  }
}

void Instance::poison_scratch() {
  if (!scratch_) return;
  const int64_t bytes = scratch_stride_ - sysconf(_SC_PAGESIZE);
  for (int t = 0; t < pool_.threads(); ++t) {
    std::memset(scratch_.data() + t * scratch_stride_, 0xFF, static_cast<size_t>(bytes));
  }
}

void Instance::after_step(void* context, int32_t step) {
  auto& self = *static_cast<Instance*>(context);
  if (self.hook_) self.hook_(self.hook_context_, step);
  if (!self.options_.debug_arena) return;
  self.set_lifetimes(*self.running_, step + 1);
  self.poison_scratch();
}

int64_t Instance::memory_bytes() const {
  int64_t total = arena_.bytes() + scratch_.bytes();
  for (const MemoryBlock& block : states_) total += block.bytes();
  for (const auto& bound : bound_) {
    for (const auto* blocks : {&bound->arena, &bound->inputs, &bound->outputs}) {
      for (const MemoryBlock& block : *blocks) total += block.bytes();
    }
  }
  return total;
}

} // namespace kiln::runtime
