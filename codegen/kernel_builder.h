// Writes one kernel (runtime/abi.h: kiln_kernel) into a module: operands, tasks, loops, registers and memory.
// Op emitters see this header and values.h only; no LLVM header shows through.
#pragma once

#include "codegen/module.h"
#include "codegen/values.h"
#include "ir/target.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::codegen {

enum class ElementType : uint8_t { f32, u8, i32 };

// The address of an element. Accesses through pointers of different operands are taken not to overlap.
struct Pointer : Handle {
  ElementType element = ElementType::f32;
  int32_t scope = -1;       // the operand (or scratch) it came from; -1: may overlap anything
  int64_t displacement = 0; // constant part of the offset, in elements, kept apart until an access needs the address
};
Pointer operator+(Pointer base, Index elements);
Pointer operator+(Pointer base, int64_t elements);
Pointer select(Condition condition, Pointer if_true, Pointer if_false); // of one operand

// A value that changes along control flow. Many of them (a register tile) are the normal case: they end in registers.
template <typename T> class Variable {
public:
  Variable() = default;
  explicit Variable(T initial);
  T get() const;
  void set(T value) const;
  operator T() const { return get(); }

private:
  T shape_{}; // any value of the right type and lane count
  llvm::Value* slot_ = nullptr;
};

// How often a loop's body is repeated. Loops are left as written unless one of these says otherwise: what must be
// unrolled for registers' sake is a C++ loop in the emitter.
struct Unroll {
  int32_t count = 1; // 0: fully (constant trip count)
  static constexpr Unroll none() { return {1}; }
  static constexpr Unroll full() { return {0}; }
  static constexpr Unroll by(int32_t n) { return {n}; }
};

// Whether an operand may be the same memory as another one (an op that works in place).
enum class Aliasing : uint8_t { none, in_place };

class KernelBuilder {
public:
  // `module` must outlive the builder. `name` is the kernel's symbol.
  KernelBuilder(EmittedModule& module, std::string_view name, const ir::Target& target);
  ~KernelBuilder(); // finish() first, unless an exception passes
  KernelBuilder(const KernelBuilder&) = delete;
  KernelBuilder& operator=(const KernelBuilder&) = delete;

  const ir::Target& target() const { return target_; }
  int32_t width() const { return target_.vector_width; }

  // --- what the launch hands over (any time, any place: emitted once in the entry block) ---
  Pointer operand(int32_t position, ElementType element = ElementType::f32, Aliasing aliasing = Aliasing::none);
  Index scalar(int32_t position);
  Pointer scratch(ElementType element = ElementType::f32, int64_t byte_offset = 0); // this thread's, 64-byte aligned
  Index seed();                                                                     // of the kiln_call
  Index step();                                                                     // of the kiln_call

  // Emits the loop over this call's tasks. Once a kernel; what stands before it runs once a call.
  void begin_tasks(const std::function<void(Index task)>& body);
  // Completes and verifies the function; throws CodegenError on malformed code. Nothing may be emitted after it.
  void finish();

  // --- constants ---
  Index index(int64_t value);
  Condition condition(bool value);
  F32 f32(float value, int32_t lanes = 0); // lanes 0, here and below: width()
  F32 zero(int32_t lanes = 0) { return f32(0.0f, lanes); }
  I32 i32(int32_t value, int32_t lanes = 0);
  U32 u32(uint32_t value, int32_t lanes = 0);
  U32 lane_numbers(int32_t lanes = 0);                // 0, 1, 2, ...
  Mask first_lanes(int64_t count, int32_t lanes = 0); // lanes [0, count); any count
  Mask first_lanes(Index count, int32_t lanes = 0);   // the same, count known at run time

  // --- memory; offsets and strides in elements ---
  // `alignment` in bytes is a promise about the address; 0: that of one element (alignment that follows from the
  // operand's 64 bytes and constant factors of the offset is found without it).
  F32 load(Pointer from, Index offset, int32_t lanes = 0, int64_t alignment = 0);
  F32 load(Pointer from, int64_t offset, int32_t lanes = 0, int64_t alignment = 0);
  F32 load(Pointer from, Index offset, Mask mask); // unloaded lanes are 0 and not touched
  F32 load(Pointer from, int64_t offset, Mask mask);
  F32 load_broadcast(Pointer from, Index offset, int32_t lanes = 0);
  F32 load_broadcast(Pointer from, int64_t offset, int32_t lanes = 0);
  // Lane i from offset + i * stride; the masked form leaves the other lanes 0 and their memory untouched.
  F32 load_strided(Pointer from, Index offset, Index stride, int32_t lanes = 0);
  F32 load_strided(Pointer from, Index offset, Index stride, Mask mask);
  F32 load_u8(Pointer from, Index offset, int32_t lanes = 0); // as 0.0 .. 255.0
  I32 load_i32(Pointer from, Index offset, int32_t lanes = 1);
  Index load_index(Pointer from, Index offset); // one i32 (signed) or u8 (unsigned) element
  void store(Pointer to, Index offset, F32 value, int64_t alignment = 0);
  void store(Pointer to, int64_t offset, F32 value, int64_t alignment = 0);
  void store(Pointer to, Index offset, F32 value, Mask mask);
  void store(Pointer to, int64_t offset, F32 value, Mask mask);
  void store_strided(Pointer to, Index offset, Index stride, F32 value);
  void store_strided(Pointer to, Index offset, Index stride, F32 value, Mask mask);
  void store_i32(Pointer to, Index offset, I32 value);
  void copy(Pointer to, Pointer from, Index elements); // same element type, no overlap
  void fill_zero(Pointer to, Index elements);
  void prefetch(Pointer from, Index offset); // towards the second-level cache; any address will do

  // --- registers ---
  template <typename T> Variable<T> variable(T initial) { return Variable<T>(initial); }

  // --- control ---
  void for_range(Index begin, Index end, int64_t step, const std::function<void(Index)>& body, Unroll unroll = {});
  void for_range(int64_t begin, int64_t end, int64_t step, const std::function<void(Index)>& body, Unroll unroll = {});
  void for_range(int64_t begin, Index end, int64_t step, const std::function<void(Index)>& body, Unroll unroll = {});
  void if_(Condition condition, const std::function<void()>& then);
  void if_else(Condition condition, const std::function<void()>& then, const std::function<void()>& otherwise);

  struct Impl; // emission state; LLVM types, so defined in codegen/kernel_builder_impl.h for codegen's own .cpp files
  Impl& impl() { return *impl_; }

private:
  template <typename T> friend class Variable;
  llvm::Value* make_slot(Handle like);

  ir::Target target_;
  std::unique_ptr<Impl> impl_;
};

extern template class Variable<F32>;
extern template class Variable<I32>;
extern template class Variable<U32>;
extern template class Variable<Mask>;
extern template class Variable<Index>;
extern template class Variable<Pointer>;

} // namespace kiln::codegen
