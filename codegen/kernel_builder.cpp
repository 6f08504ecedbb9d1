// The shell of a kernel: signature, operands, tasks, loops, branches and loop-carried values.
#include "codegen/kernel_builder.h"

#include "codegen/kernel_builder_impl.h"
#include "codegen/optimize.h"
#include "runtime/abi.h"

#include <cstddef>

namespace kiln::codegen {

using Impl = KernelBuilder::Impl;

namespace {

llvm::StringRef ref(std::string_view text) { return {text.data(), text.size()}; }

void expect_set(Handle handle) {
  if (handle.value == nullptr) throw CodegenError("control flow depends on a value that was never set");
}

llvm::MDNode* unroll_metadata(llvm::LLVMContext& context, Unroll unroll) {
  llvm::SmallVector<llvm::Metadata*, 2> hints{nullptr};
  auto flag = [&](const char* name) {
    hints.push_back(llvm::MDNode::get(context, {llvm::MDString::get(context, name)}));
  };
  if (unroll.count == 0) {
    flag("llvm.loop.unroll.full");
  } else if (unroll.count == 1) {
    flag("llvm.loop.unroll.disable");
  } else {
    auto* count = llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), static_cast<uint64_t>(unroll.count));
    hints.push_back(llvm::MDNode::get(
        context, {llvm::MDString::get(context, "llvm.loop.unroll.count"), llvm::ConstantAsMetadata::get(count)}));
  }
  llvm::MDNode* loop = llvm::MDNode::getDistinct(context, hints);
  loop->replaceOperandWith(0, loop); // the first operand names the loop itself
  return loop;
}

} // namespace

void set_function_attributes(llvm::Function& function, const ir::Target& target) {
  function.addFnAttr(llvm::Attribute::NoUnwind);
  function.addFnAttr(llvm::Attribute::MustProgress);
  function.addFnAttr("target-cpu", cpu_name(target));
  function.addFnAttr("target-features", feature_string(target));
  // Some CPUs' tunings prefer narrower vectors and would split ours.
  std::string bits = std::to_string(target.vector_width * 32);
  function.addFnAttr("min-legal-vector-width", bits);
  function.addFnAttr("prefer-vector-width", bits);
}

Impl::Impl(EmittedModule& emitted, std::string_view name, const ir::Target& target)
    : context(emitted.context()), module(emitted.module()), entry(context), ir(context) {
  llvm::Type* pointer = llvm::PointerType::getUnqual(context);
  llvm::Type* i64 = llvm::Type::getInt64Ty(context);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, i64, i64, pointer}, false);
  if (module.getFunction(ref(name)) != nullptr) throw CodegenError("kernel emitted twice: " + std::string(name));
  function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, ref(name), module);
  set_function_attributes(*function, target);
  const char* names[] = {"args", "begin", "end", "scratch"};
  for (unsigned i = 0; i < 4; ++i) function->getArg(i)->setName(names[i]);
  for (unsigned i : {0u, 3u}) function->addParamAttr(i, llvm::Attribute::NoAlias);
  function->addParamAttr(3, llvm::Attribute::getWithAlignment(context, llvm::Align(KILN_BUFFER_ALIGNMENT)));

  auto* entry_block = llvm::BasicBlock::Create(context, "entry", function);
  auto* body = llvm::BasicBlock::Create(context, "body", function);
  entry.SetInsertPoint(entry_block);
  entry.SetInsertPoint(entry.CreateBr(body));
  ir.SetInsertPoint(body);
}

llvm::Type* Impl::element_type(ElementType element) {
  switch (element) {
  case ElementType::f32:
    return ir.getFloatTy();
  case ElementType::u8:
    return ir.getInt8Ty();
  case ElementType::i32:
    return ir.getInt32Ty();
  }
  throw CodegenError("unknown element type");
}

llvm::Value* Impl::load_field(llvm::Type* type, llvm::Value* structure, int64_t byte_offset) {
  llvm::Value* address = entry.CreateConstGEP1_64(entry.getInt8Ty(), structure, static_cast<uint64_t>(byte_offset));
  llvm::LoadInst* load = entry.CreateAlignedLoad(type, address, llvm::Align(8));
  load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(context, {}));
  return load;
}

void Impl::promise_buffer_alignment(llvm::LoadInst* pointer) {
  auto* none = llvm::MDNode::get(context, {});
  auto* alignment = llvm::ConstantAsMetadata::get(entry.getInt64(KILN_BUFFER_ALIGNMENT));
  pointer->setMetadata(llvm::LLVMContext::MD_align, llvm::MDNode::get(context, {alignment}));
  pointer->setMetadata(llvm::LLVMContext::MD_nonnull, none);
  pointer->setMetadata(llvm::LLVMContext::MD_noundef, none);
}

// Operands come out of an array of pointers, where `noalias` cannot be said. Scoped metadata on each access says it
// instead, and holds whatever is inlined or outlined later.
void Impl::attach_alias_scopes() {
  llvm::MDBuilder metadata(context);
  llvm::MDNode* domain = metadata.createAnonymousAliasScopeDomain(function->getName());
  std::map<int32_t, llvm::Metadata*> scopes;
  for (const Access& access : accesses) {
    if (access.scope >= 0 && !scopes.contains(access.scope))
      scopes[access.scope] = metadata.createAnonymousAliasScope(domain, "memory" + std::to_string(access.scope));
  }
  std::map<int32_t, std::pair<llvm::MDNode*, llvm::MDNode*>> lists;
  for (const auto& [scope, node] : scopes) {
    std::vector<llvm::Metadata*> others;
    for (const auto& [other, other_node] : scopes)
      if (other != scope) others.push_back(other_node);
    lists[scope] = {llvm::MDNode::get(context, {node}), llvm::MDNode::get(context, others)};
  }
  for (const Access& access : accesses) {
    auto found = lists.find(access.scope);
    if (found == lists.end()) continue;
    access.instruction->setMetadata(llvm::LLVMContext::MD_alias_scope, found->second.first);
    access.instruction->setMetadata(llvm::LLVMContext::MD_noalias, found->second.second);
  }
}

KernelBuilder::KernelBuilder(EmittedModule& module, std::string_view name, const ir::Target& target)
    : target_(target), impl_(std::make_unique<Impl>(module, name, target)) {}

KernelBuilder::~KernelBuilder() = default;

Pointer KernelBuilder::operand(int32_t position, ElementType element, Aliasing aliasing) {
  if (position < 0 || position >= scratch_scope) throw CodegenError("operand: bad position");
  Impl& e = *impl_;
  auto known = e.operands.find(position);
  if (known != e.operands.end()) {
    if (known->second.pointer.element != element || known->second.aliasing != aliasing)
      throw CodegenError("operand " + std::to_string(position) + " was declared differently before");
    return known->second.pointer;
  }
  llvm::Type* pointer = e.entry.getPtrTy();
  if (e.operand_array == nullptr)
    e.operand_array = e.load_field(pointer, e.function->getArg(0), offsetof(kiln_kernel_args, operands));
  auto* address = llvm::cast<llvm::LoadInst>(e.load_field(pointer, e.operand_array, position * int64_t{sizeof(void*)}));
  e.promise_buffer_alignment(address);
  address->setName("operand" + std::to_string(position));
  Pointer result{{this, address}, element, aliasing == Aliasing::none ? position : -1};
  e.operands.emplace(position, Impl::Operand{result, aliasing});
  return result;
}

Index KernelBuilder::scalar(int32_t position) {
  if (position < 0) throw CodegenError("scalar: bad position");
  Impl& e = *impl_;
  if (e.scalar_array == nullptr)
    e.scalar_array = e.load_field(e.entry.getPtrTy(), e.function->getArg(0), offsetof(kiln_kernel_args, scalars));
  llvm::Value*& value = e.scalars[position];
  if (value == nullptr) {
    value = e.load_field(e.entry.getInt64Ty(), e.scalar_array, position * int64_t{sizeof(int64_t)});
    value->setName("scalar" + std::to_string(position));
  }
  return {{this, value}};
}

Pointer KernelBuilder::scratch(ElementType element, int64_t byte_offset) {
  if (byte_offset % KILN_BUFFER_ALIGNMENT != 0) throw CodegenError("scratch: offset is not 64-byte aligned");
  int64_t elements = byte_offset / (element == ElementType::u8 ? 1 : 4);
  return {{this, impl_->function->getArg(3)}, element, scratch_scope, elements};
}

namespace {

llvm::Value* call_field(Impl& e, llvm::Value*& cached, int64_t byte_offset) {
  if (e.call == nullptr)
    e.call = e.load_field(e.entry.getPtrTy(), e.function->getArg(0), offsetof(kiln_kernel_args, call));
  if (cached == nullptr) cached = e.load_field(e.entry.getInt64Ty(), e.call, byte_offset);
  return cached;
}

} // namespace

Index KernelBuilder::seed() { return {{this, call_field(*impl_, impl_->seed, offsetof(kiln_call, seed))}}; }
Index KernelBuilder::step() { return {{this, call_field(*impl_, impl_->step, offsetof(kiln_call, step))}}; }

void KernelBuilder::begin_tasks(const std::function<void(Index)>& body) {
  if (impl_->has_tasks) throw CodegenError("a kernel has one task loop");
  impl_->has_tasks = true;
  Index begin{{this, impl_->function->getArg(1)}};
  Index end{{this, impl_->function->getArg(2)}};
  for_range(begin, end, 1, body);
}

void KernelBuilder::finish() {
  Impl& e = *impl_;
  if (e.finished) throw CodegenError("finish: called twice");
  e.finished = true;
  e.ir.CreateRetVoid();
  e.attach_alias_scopes();
  std::string complaint;
  llvm::raw_string_ostream stream(complaint);
  if (llvm::verifyFunction(*e.function, &stream))
    throw CodegenError("kernel " + e.function->getName().str() + " is malformed: " + stream.str());
}

// --- constants -------------------------------------------------------------------------------------------------

Index KernelBuilder::index(int64_t value) { return {{this, impl_->ir.getInt64(static_cast<uint64_t>(value))}}; }

Condition KernelBuilder::condition(bool value) { return {{this, impl_->ir.getInt1(value)}}; }

F32 KernelBuilder::f32(float value, int32_t lanes) {
  F32 one{{this, llvm::ConstantFP::get(impl_->context, llvm::APFloat(value))}, 1};
  return broadcast(one, lanes == 0 ? width() : lanes);
}

I32 KernelBuilder::i32(int32_t value, int32_t lanes) {
  I32 one{{this, impl_->ir.getInt32(static_cast<uint32_t>(value))}, 1};
  return broadcast(one, lanes == 0 ? width() : lanes);
}

U32 KernelBuilder::u32(uint32_t value, int32_t lanes) { return as_unsigned(i32(static_cast<int32_t>(value), lanes)); }

U32 KernelBuilder::lane_numbers(int32_t lanes) {
  if (lanes == 0) lanes = width();
  if (lanes == 1) return u32(0, 1);
  std::vector<llvm::Constant*> numbers;
  for (int32_t i = 0; i < lanes; ++i) numbers.push_back(impl_->ir.getInt32(static_cast<uint32_t>(i)));
  return {{this, llvm::ConstantVector::get(numbers)}, lanes};
}

Mask KernelBuilder::first_lanes(int64_t count, int32_t lanes) {
  if (lanes == 0) lanes = width();
  std::vector<llvm::Constant*> bits;
  for (int32_t i = 0; i < lanes; ++i) bits.push_back(impl_->ir.getInt1(i < count));
  return {{this, lanes == 1 ? bits.front() : llvm::ConstantVector::get(bits)}, lanes};
}

Mask KernelBuilder::first_lanes(Index count, int32_t lanes) {
  if (lanes == 0) lanes = width();
  U32 limit = low_u32(min(max(count, 0), lanes));
  return lane_numbers(lanes) < broadcast(limit, lanes);
}

// --- control ---------------------------------------------------------------------------------------------------

void KernelBuilder::for_range(Index begin, Index end, int64_t step, const std::function<void(Index)>& body,
                              Unroll unroll) {
  if (step <= 0) throw CodegenError("for_range: step must be positive");
  expect_set(begin);
  expect_set(end);
  if (unroll.count < 0) throw CodegenError("for_range: negative unroll count");
  Impl& e = *impl_;
  llvm::BasicBlock* before = e.ir.GetInsertBlock();
  auto* head = llvm::BasicBlock::Create(e.context, "loop", e.function);
  auto* inside = llvm::BasicBlock::Create(e.context, "loop.body", e.function);
  auto* after = llvm::BasicBlock::Create(e.context, "loop.end", e.function);
  e.ir.CreateBr(head);

  e.ir.SetInsertPoint(head);
  llvm::PHINode* i = e.ir.CreatePHI(e.ir.getInt64Ty(), 2, "i");
  i->addIncoming(begin.value, before);
  e.ir.CreateCondBr(e.ir.CreateICmpSLT(i, end.value), inside, after);

  e.ir.SetInsertPoint(inside);
  body(Index{{this, i}});
  llvm::Value* next = e.ir.CreateNSWAdd(i, e.ir.getInt64(static_cast<uint64_t>(step)));
  i->addIncoming(next, e.ir.GetInsertBlock());
  llvm::BranchInst* latch = e.ir.CreateBr(head);
  latch->setMetadata(llvm::LLVMContext::MD_loop, unroll_metadata(e.context, unroll));

  e.ir.SetInsertPoint(after);
}

void KernelBuilder::for_range(int64_t begin, int64_t end, int64_t step, const std::function<void(Index)>& body,
                              Unroll unroll) {
  for_range(index(begin), index(end), step, body, unroll);
}

void KernelBuilder::for_range(int64_t begin, Index end, int64_t step, const std::function<void(Index)>& body,
                              Unroll unroll) {
  for_range(index(begin), end, step, body, unroll);
}

void KernelBuilder::if_(Condition condition, const std::function<void()>& then) {
  expect_set(condition);
  Impl& e = *impl_;
  auto* inside = llvm::BasicBlock::Create(e.context, "then", e.function);
  auto* after = llvm::BasicBlock::Create(e.context, "end", e.function);
  e.ir.CreateCondBr(condition.value, inside, after);
  e.ir.SetInsertPoint(inside);
  then();
  e.ir.CreateBr(after);
  e.ir.SetInsertPoint(after);
}

void KernelBuilder::if_else(Condition condition, const std::function<void()>& then,
                            const std::function<void()>& otherwise) {
  expect_set(condition);
  Impl& e = *impl_;
  auto* when_true = llvm::BasicBlock::Create(e.context, "then", e.function);
  auto* when_false = llvm::BasicBlock::Create(e.context, "else", e.function);
  auto* after = llvm::BasicBlock::Create(e.context, "end", e.function);
  e.ir.CreateCondBr(condition.value, when_true, when_false);
  e.ir.SetInsertPoint(when_true);
  then();
  e.ir.CreateBr(after);
  e.ir.SetInsertPoint(when_false);
  otherwise();
  e.ir.CreateBr(after);
  e.ir.SetInsertPoint(after);
}

// --- loop-carried values ---------------------------------------------------------------------------------------

llvm::Value* KernelBuilder::make_slot(Handle like) {
  Impl& e = *impl_;
  llvm::BasicBlock& entry = e.function->getEntryBlock();
  llvm::IRBuilder<> first(&entry, entry.getFirstInsertionPt());
  return first.CreateAlloca(like.value->getType());
}

namespace {

// A slot holds one LLVM value, so a pointer's displacement goes into its address.
template <typename T> T settled(T value) { return value; }
Pointer settled(Pointer pointer) {
  if (pointer.value == nullptr || pointer.displacement == 0) return pointer;
  pointer.value = pointer.builder->impl().address(pointer, nullptr);
  pointer.displacement = 0;
  return pointer;
}

} // namespace

template <typename T> Variable<T>::Variable(T initial) : shape_(settled(initial)) {
  if (shape_.value == nullptr) throw CodegenError("variable: the initial value was never set");
  slot_ = shape_.builder->make_slot(shape_);
  set(shape_);
}

template <typename T> T Variable<T>::get() const {
  if (slot_ == nullptr) throw CodegenError("emission used a variable that was never set");
  T result = shape_;
  result.value = shape_.builder->impl().ir.CreateLoad(shape_.value->getType(), slot_);
  return result;
}

template <typename T> void Variable<T>::set(T value) const {
  if (slot_ == nullptr || value.value == nullptr) throw CodegenError("emission set a variable without slot or value");
  value = settled(value);
  if (value.value->getType() != shape_.value->getType()) throw CodegenError("a variable was set to another type");
  shape_.builder->impl().ir.CreateStore(value.value, slot_);
}

template class Variable<F32>;
template class Variable<I32>;
template class Variable<U32>;
template class Variable<Mask>;
template class Variable<Index>;
template class Variable<Pointer>;

} // namespace kiln::codegen
