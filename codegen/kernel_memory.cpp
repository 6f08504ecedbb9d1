// Loads, stores and calls that touch memory, each marked with the operand it belongs to.
#include "codegen/kernel_builder.h"
#include "codegen/kernel_builder_impl.h"

#include <functional>
#include <string>

namespace kiln::codegen {

using Impl = KernelBuilder::Impl;

namespace {

// An offset as a variable part (null: none) and a constant. Constants become displacements of accesses, and accesses
// that differ in them alone share an address register. Left inside, `i + 1` may turn into `i | 1`, which nothing folds.
struct Offset {
  llvm::Value* variable = nullptr;
  int64_t constant = 0;
};

Offset split(llvm::IRBuilder<>& ir, llvm::Value* offset, int depth = 6) {
  if (auto* constant = llvm::dyn_cast<llvm::ConstantInt>(offset)) return {nullptr, constant->getSExtValue()};
  auto* operation = llvm::dyn_cast<llvm::BinaryOperator>(offset);
  if (operation == nullptr || depth == 0) return {offset, 0};
  auto opcode = operation->getOpcode();
  if (opcode != llvm::Instruction::Add && opcode != llvm::Instruction::Sub && opcode != llvm::Instruction::Mul)
    return {offset, 0};
  Offset a = split(ir, operation->getOperand(0), depth - 1);
  Offset b = split(ir, operation->getOperand(1), depth - 1);
  // Unsigned: these wrap, as the emitted operations do.
  auto wrapping = [](auto combine, int64_t x, int64_t y) {
    return static_cast<int64_t>(combine(static_cast<uint64_t>(x), static_cast<uint64_t>(y)));
  };
  if (opcode == llvm::Instruction::Mul) {
    if (a.variable == nullptr) std::swap(a, b);
    if (b.variable != nullptr || a.constant == 0) return {offset, 0};
    return {ir.CreateMul(a.variable, ir.getInt64(static_cast<uint64_t>(b.constant))),
            wrapping(std::multiplies<>(), a.constant, b.constant)};
  }
  if (a.constant == 0 && b.constant == 0) return {offset, 0};
  if (opcode == llvm::Instruction::Sub) {
    int64_t constant = wrapping(std::minus<>(), a.constant, b.constant);
    if (b.variable == nullptr) return {a.variable, constant};
    return {a.variable == nullptr ? ir.CreateNeg(b.variable) : ir.CreateSub(a.variable, b.variable), constant};
  }
  int64_t constant = wrapping(std::plus<>(), a.constant, b.constant);
  if (a.variable == nullptr) return {b.variable, constant};
  if (b.variable == nullptr) return {a.variable, constant};
  return {ir.CreateAdd(a.variable, b.variable), constant};
}

void expect_set(Handle handle) {
  if (handle.value == nullptr) throw CodegenError("emission addressed memory through a value that was never set");
}

llvm::Value* address_of(Impl& e, Pointer base, Index offset) {
  expect_set(offset);
  return e.address(base, offset.value);
}

void expect(Pointer pointer, ElementType element, const char* what) {
  if (pointer.element != element) throw CodegenError(std::string(what) + ": pointer of another element type");
}

llvm::Align aligned(int64_t promised, int64_t element_bytes) {
  return llvm::Align(static_cast<uint64_t>(promised == 0 ? element_bytes : promised));
}

// Masked intrinsics take vectors; one lane is a scalar here.
llvm::Value* as_vector(Impl& e, llvm::Value* value, int32_t lanes) {
  if (lanes != 1) return value;
  auto* type = llvm::FixedVectorType::get(value->getType(), 1);
  return e.ir.CreateInsertElement(llvm::PoisonValue::get(type), value, uint64_t{0});
}

llvm::Value* from_vector(Impl& e, llvm::Value* value, int32_t lanes) {
  return lanes == 1 ? e.ir.CreateExtractElement(value, uint64_t{0}) : value;
}

llvm::FixedVectorType* float_vector(Impl& e, int32_t lanes) {
  return llvm::FixedVectorType::get(e.ir.getFloatTy(), static_cast<unsigned>(lanes));
}

// Addresses offset + i * stride of every lane i.
llvm::Value* lane_addresses(Impl& e, Pointer base, Index offset, Index stride, int32_t lanes) {
  std::vector<llvm::Constant*> numbers;
  for (int32_t i = 0; i < lanes; ++i) numbers.push_back(e.ir.getInt64(static_cast<uint64_t>(i)));
  auto count = static_cast<unsigned>(lanes);
  llvm::Value* steps = e.ir.CreateMul(e.ir.CreateVectorSplat(count, stride.value), llvm::ConstantVector::get(numbers));
  return e.ir.CreateGEP(e.element_type(base.element), address_of(e, base, offset), steps);
}

} // namespace

llvm::Value* Impl::address(const Pointer& pointer, llvm::Value* offset) {
  expect_set(pointer);
  llvm::Type* element = element_type(pointer.element);
  llvm::Value* result = pointer.value;
  int64_t constant = pointer.displacement;
  if (offset != nullptr) {
    Offset parts = split(ir, offset);
    constant += parts.constant;
    if (parts.variable != nullptr) result = ir.CreateGEP(element, result, parts.variable);
  }
  return constant == 0 ? result : ir.CreateGEP(element, result, ir.getInt64(static_cast<uint64_t>(constant)));
}

Pointer operator+(Pointer base, Index elements) {
  expect_set(base);
  expect_set(elements);
  Impl& e = base.builder->impl();
  Offset parts = split(e.ir, elements.value);
  if (parts.variable != nullptr) base.value = e.ir.CreateGEP(e.element_type(base.element), base.value, parts.variable);
  base.displacement += parts.constant;
  return base;
}

Pointer operator+(Pointer base, int64_t elements) {
  base.displacement += elements;
  return base;
}

Pointer select(Condition condition, Pointer if_true, Pointer if_false) {
  if (if_true.element != if_false.element || if_true.scope != if_false.scope)
    throw CodegenError("select: pointers of different operands");
  for (Handle handle : {Handle(condition), Handle(if_true), Handle(if_false)}) expect_set(handle);
  Impl& e = if_true.builder->impl();
  if_true.value = e.ir.CreateSelect(condition.value, e.address(if_true, nullptr), e.address(if_false, nullptr));
  if_true.displacement = 0;
  return if_true;
}

F32 KernelBuilder::load(Pointer from, Index offset, int32_t lanes, int64_t alignment) {
  expect(from, ElementType::f32, "load");
  if (lanes == 0) lanes = width();
  Impl& e = *impl_;
  llvm::LoadInst* load = e.ir.CreateAlignedLoad(e.type_of(e.ir.getFloatTy(), lanes), address_of(e, from, offset),
                                                aligned(alignment, sizeof(float)));
  e.note_access(load, from);
  return {{this, load}, lanes};
}

F32 KernelBuilder::load(Pointer from, int64_t offset, int32_t lanes, int64_t alignment) {
  return load(from, index(offset), lanes, alignment);
}

F32 KernelBuilder::load(Pointer from, Index offset, Mask mask) {
  expect(from, ElementType::f32, "masked load");
  Impl& e = *impl_;
  auto* type = float_vector(e, mask.lanes);
  llvm::CallInst* load =
      e.ir.CreateMaskedLoad(type, address_of(e, from, offset), llvm::Align(sizeof(float)),
                            as_vector(e, mask.value, mask.lanes), llvm::Constant::getNullValue(type));
  e.note_access(load, from);
  return {{this, from_vector(e, load, mask.lanes)}, mask.lanes};
}

F32 KernelBuilder::load(Pointer from, int64_t offset, Mask mask) { return load(from, index(offset), mask); }

F32 KernelBuilder::load_broadcast(Pointer from, Index offset, int32_t lanes) {
  return broadcast(load(from, offset, 1), lanes == 0 ? width() : lanes);
}

F32 KernelBuilder::load_broadcast(Pointer from, int64_t offset, int32_t lanes) {
  return load_broadcast(from, index(offset), lanes);
}

F32 KernelBuilder::load_strided(Pointer from, Index offset, Index stride, int32_t lanes) {
  if (lanes == 0) lanes = width();
  F32 result = load(from, offset, 1);
  if (lanes == 1) return result;
  // Scalar loads and inserts: as fast as gather instructions on CPUs that have them, and every level has these.
  F32 vector{{this, llvm::PoisonValue::get(float_vector(*impl_, lanes))}, lanes};
  vector = insert(vector, 0, result);
  for (int32_t i = 1; i < lanes; ++i) vector = insert(vector, i, load(from, offset + stride * i, 1));
  return vector;
}

F32 KernelBuilder::load_strided(Pointer from, Index offset, Index stride, Mask mask) {
  expect(from, ElementType::f32, "masked strided load");
  Impl& e = *impl_;
  auto* type = float_vector(e, mask.lanes);
  llvm::CallInst* load =
      e.ir.CreateMaskedGather(type, lane_addresses(e, from, offset, stride, mask.lanes), llvm::Align(sizeof(float)),
                              as_vector(e, mask.value, mask.lanes), llvm::Constant::getNullValue(type));
  e.note_access(load, from);
  return {{this, from_vector(e, load, mask.lanes)}, mask.lanes};
}

F32 KernelBuilder::load_u8(Pointer from, Index offset, int32_t lanes) {
  expect(from, ElementType::u8, "load_u8");
  if (lanes == 0) lanes = width();
  Impl& e = *impl_;
  llvm::LoadInst* bytes =
      e.ir.CreateAlignedLoad(e.type_of(e.ir.getInt8Ty(), lanes), address_of(e, from, offset), llvm::Align(1));
  e.note_access(bytes, from);
  return {{this, e.ir.CreateUIToFP(bytes, e.type_of(e.ir.getFloatTy(), lanes))}, lanes};
}

I32 KernelBuilder::load_i32(Pointer from, Index offset, int32_t lanes) {
  expect(from, ElementType::i32, "load_i32");
  Impl& e = *impl_;
  llvm::LoadInst* load = e.ir.CreateAlignedLoad(e.type_of(e.ir.getInt32Ty(), lanes), address_of(e, from, offset),
                                                llvm::Align(sizeof(int32_t)));
  e.note_access(load, from);
  return {{this, load}, lanes};
}

Index KernelBuilder::load_index(Pointer from, Index offset) {
  if (from.element == ElementType::i32) return to_index(load_i32(from, offset, 1));
  expect(from, ElementType::u8, "load_index");
  Impl& e = *impl_;
  llvm::LoadInst* byte = e.ir.CreateAlignedLoad(e.ir.getInt8Ty(), address_of(e, from, offset), llvm::Align(1));
  e.note_access(byte, from);
  return {{this, e.ir.CreateZExt(byte, e.ir.getInt64Ty())}};
}

void KernelBuilder::store(Pointer to, Index offset, F32 value, int64_t alignment) {
  expect(to, ElementType::f32, "store");
  expect_set(value);
  Impl& e = *impl_;
  e.note_access(e.ir.CreateAlignedStore(value.value, address_of(e, to, offset), aligned(alignment, sizeof(float))), to);
}

void KernelBuilder::store(Pointer to, int64_t offset, F32 value, int64_t alignment) {
  store(to, index(offset), value, alignment);
}

void KernelBuilder::store(Pointer to, Index offset, F32 value, Mask mask) {
  expect(to, ElementType::f32, "masked store");
  if (mask.lanes != value.lanes) throw CodegenError("masked store: mask and value have different lanes");
  Impl& e = *impl_;
  e.note_access(e.ir.CreateMaskedStore(as_vector(e, value.value, value.lanes), address_of(e, to, offset),
                                       llvm::Align(sizeof(float)), as_vector(e, mask.value, mask.lanes)),
                to);
}

void KernelBuilder::store(Pointer to, int64_t offset, F32 value, Mask mask) { store(to, index(offset), value, mask); }

void KernelBuilder::store_strided(Pointer to, Index offset, Index stride, F32 value) {
  for (int32_t i = 0; i < value.lanes; ++i) store(to, offset + stride * i, extract(value, i));
}

void KernelBuilder::store_strided(Pointer to, Index offset, Index stride, F32 value, Mask mask) {
  expect(to, ElementType::f32, "masked strided store");
  if (mask.lanes != value.lanes) throw CodegenError("masked store: mask and value have different lanes");
  Impl& e = *impl_;
  e.note_access(e.ir.CreateMaskedScatter(as_vector(e, value.value, value.lanes),
                                         lane_addresses(e, to, offset, stride, value.lanes), llvm::Align(sizeof(float)),
                                         as_vector(e, mask.value, mask.lanes)),
                to);
}

void KernelBuilder::store_i32(Pointer to, Index offset, I32 value) {
  expect(to, ElementType::i32, "store_i32");
  expect_set(value);
  Impl& e = *impl_;
  e.note_access(e.ir.CreateAlignedStore(value.value, address_of(e, to, offset), llvm::Align(sizeof(int32_t))), to);
}

namespace {

int64_t bytes_of(ElementType element) { return element == ElementType::u8 ? 1 : 4; }

} // namespace

void KernelBuilder::copy(Pointer to, Pointer from, Index elements) {
  expect(from, to.element, "copy");
  int64_t size = bytes_of(to.element);
  llvm::Align alignment(static_cast<uint64_t>(size));
  impl_->ir.CreateMemCpy(impl_->address(to, nullptr), alignment, impl_->address(from, nullptr), alignment,
                         (elements * size).value);
}

void KernelBuilder::fill_zero(Pointer to, Index elements) {
  int64_t size = bytes_of(to.element);
  llvm::CallInst* fill = impl_->ir.CreateMemSet(impl_->address(to, nullptr), impl_->ir.getInt8(0),
                                                (elements * size).value, llvm::MaybeAlign(static_cast<uint64_t>(size)));
  impl_->note_access(fill, to);
}

void KernelBuilder::prefetch(Pointer from, Index offset) {
  Impl& e = *impl_;
  llvm::Value* address = address_of(e, from, offset);
  constexpr unsigned read = 0, second_level = 2, data = 1;
  e.ir.CreateIntrinsic(llvm::Intrinsic::prefetch, {address->getType()},
                       {address, e.ir.getInt32(read), e.ir.getInt32(second_level), e.ir.getInt32(data)});
}

} // namespace kiln::codegen
