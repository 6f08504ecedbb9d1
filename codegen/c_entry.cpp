// The glue between a C caller and an emitted driver.
#include "codegen/c_entry.h"

#include "codegen/kernel_builder_impl.h"
#include "codegen/llvm_backend.h"
#include "runtime/abi.h"
#include "runtime/cpu_levels.h"

#include <algorithm>
#include <cstddef>

namespace kiln::codegen {

namespace {

int64_t aligned(int64_t bytes) {
  return (bytes + KILN_BUFFER_ALIGNMENT - 1) / KILN_BUFFER_ALIGNMENT * KILN_BUFFER_ALIGNMENT;
}

llvm::Constant* status(llvm::IRBuilder<>& ir, CStatus value) { return ir.getInt32(static_cast<uint32_t>(value)); }

// A function that returns early: each check goes on where it holds.
class Checked {
public:
  Checked(EmittedModule& module, const std::string& symbol, llvm::ArrayRef<llvm::Type*> parameters,
          const ir::Target& target)
      : ir(module.context()), module(module.module()) {
    auto* type = llvm::FunctionType::get(ir.getInt32Ty(), parameters, false);
    function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol, this->module);
    set_function_attributes(*function, target);
    ir.SetInsertPoint(block("entry"));
  }

  void require(llvm::Value* condition, CStatus otherwise) {
    llvm::BasicBlock* failed = block("failed");
    llvm::BasicBlock* next = block("next");
    ir.CreateCondBr(condition, next, failed);
    ir.SetInsertPoint(failed);
    ir.CreateRet(status(ir, otherwise));
    ir.SetInsertPoint(next);
  }

  void require_aligned(llvm::Value* memory) {
    llvm::Value* low_bits =
        ir.CreateAnd(ir.CreatePtrToInt(memory, ir.getInt64Ty()), ir.getInt64(KILN_BUFFER_ALIGNMENT - 1));
    require(ir.CreateICmpEQ(low_bits, ir.getInt64(0)), CStatus::misaligned_memory);
  }

  // body(i) for i in [0, count), count above 0.
  template <class Body> void for_range(int64_t count, Body&& body) {
    llvm::BasicBlock* before = ir.GetInsertBlock();
    llvm::BasicBlock* loop = block("loop");
    ir.CreateBr(loop);
    ir.SetInsertPoint(loop);
    llvm::PHINode* i = ir.CreatePHI(ir.getInt64Ty(), 2);
    i->addIncoming(ir.getInt64(0), before);
    body(i);
    llvm::Value* next = ir.CreateAdd(i, ir.getInt64(1));
    i->addIncoming(next, ir.GetInsertBlock());
    llvm::BasicBlock* after = block("after");
    ir.CreateCondBr(ir.CreateICmpULT(next, ir.getInt64(static_cast<uint64_t>(count))), loop, after);
    ir.SetInsertPoint(after);
  }

  void finish() {
    ir.CreateRet(status(ir, CStatus::ok));
    std::string complaint;
    llvm::raw_string_ostream stream(complaint);
    if (llvm::verifyFunction(*function, &stream)) throw CodegenError("entry is malformed: " + stream.str());
  }

  llvm::BasicBlock* block(const char* name) { return llvm::BasicBlock::Create(ir.getContext(), name, function); }

  llvm::IRBuilder<> ir;
  llvm::Module& module;
  llvm::Function* function = nullptr;
};

// Checks of CPUID and XCR0.
class CpuCheck {
public:
  explicit CpuCheck(Checked& in) : in_(in), ir_(in.ir) {}

  void run(ir::IsaLevel level) {
    if (level >= ir::IsaLevel::v2) require(runtime::kLevel2);
    if (level >= ir::IsaLevel::v3) {
      require(runtime::kLevel3);
      require_registers(level == ir::IsaLevel::v4 ? runtime::kLevel4Registers : runtime::kLevel3Registers);
    }
    if (level >= ir::IsaLevel::v4) require(runtime::kLevel4);
  }

private:
  // {eax, ebx, ecx, edx}
  llvm::Value* cpuid(uint32_t leaf) {
    llvm::Type* i32 = ir_.getInt32Ty();
    auto* type = llvm::FunctionType::get(llvm::StructType::get(i32, i32, i32, i32), {i32, i32}, false);
    auto* code = llvm::InlineAsm::get(type, "cpuid", "={ax},={bx},={cx},={dx},0,2,~{dirflag},~{fpsr},~{flags}", true);
    return ir_.CreateCall(type, code, {ir_.getInt32(leaf), ir_.getInt32(0)});
  }

  void require(std::span<const runtime::CpuRequirement> requirements) {
    for (const runtime::CpuRequirement& requirement : requirements) {
      // A leaf that the CPU does not know would give another one's bits.
      llvm::Value* last = ir_.CreateExtractValue(cpuid(requirement.leaf & 0x80000000), 0);
      in_.require(ir_.CreateICmpUGE(last, ir_.getInt32(requirement.leaf)), CStatus::wrong_cpu);
      const unsigned where = requirement.where == runtime::CpuidRegister::b ? 1 : 2;
      llvm::Value* value = ir_.CreateExtractValue(cpuid(requirement.leaf), where);
      llvm::Value* mask = ir_.getInt32(requirement.mask);
      in_.require(ir_.CreateICmpEQ(ir_.CreateAnd(value, mask), mask), CStatus::wrong_cpu);
    }
  }

  void require_registers(uint64_t wanted) {
    llvm::Type* i32 = ir_.getInt32Ty();
    auto* type = llvm::FunctionType::get(llvm::StructType::get(i32, i32), {i32}, false);
    auto* code = llvm::InlineAsm::get(type, "xgetbv", "={ax},={dx},{cx},~{dirflag},~{fpsr},~{flags}", true);
    llvm::Value* low = ir_.CreateExtractValue(ir_.CreateCall(type, code, {ir_.getInt32(0)}), 0);
    llvm::Value* mask = ir_.getInt32(static_cast<uint32_t>(wanted));
    in_.require(ir_.CreateICmpEQ(ir_.CreateAnd(low, mask), mask), CStatus::wrong_cpu);
  }

  Checked& in_;
  llvm::IRBuilder<>& ir_;
};

// Makes denormals zero as the runtime does, and puts the caller's mode back: MXCSR, or FPCR, whose bit 24 does both.
class Denormals {
public:
  Denormals(llvm::IRBuilder<>& ir, ir::Architecture architecture) : ir_(ir), architecture_(architecture) {
    if (architecture_ == ir::Architecture::aarch64) {
      saved_ = ir_.CreateIntrinsic(llvm::Intrinsic::aarch64_get_fpcr, {}, {});
      ir_.CreateIntrinsic(llvm::Intrinsic::aarch64_set_fpcr, {}, {ir_.CreateOr(saved_, ir_.getInt64(1 << 24))});
      return;
    }
    saved_ = ir.CreateAlloca(ir.getInt32Ty());
    llvm::AllocaInst* flushing = ir.CreateAlloca(ir.getInt32Ty());
    ir_.CreateIntrinsic(llvm::Intrinsic::x86_sse_stmxcsr, {}, {saved_});
    llvm::Value* mode = ir_.CreateOr(ir_.CreateLoad(ir_.getInt32Ty(), saved_), ir_.getInt32(runtime::kFlushDenormals));
    ir_.CreateStore(mode, flushing);
    ir_.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {}, {flushing});
  }
  void restore() {
    const llvm::Intrinsic::ID set = architecture_ == ir::Architecture::aarch64
                                        ? llvm::Intrinsic::ID(llvm::Intrinsic::aarch64_set_fpcr)
                                        : llvm::Intrinsic::ID(llvm::Intrinsic::x86_sse_ldmxcsr);
    ir_.CreateIntrinsic(set, {}, {saved_});
  }

private:
  llvm::IRBuilder<>& ir_;
  ir::Architecture architecture_;
  llvm::Value* saved_ = nullptr; // where the mode is, or itself
};

llvm::GlobalVariable* constant_of(llvm::Module& module, const std::string& symbol) {
  auto* constant =
      llvm::cast<llvm::GlobalVariable>(module.getOrInsertGlobal(symbol, llvm::Type::getInt8Ty(module.getContext())));
  constant->setVisibility(llvm::GlobalValue::HiddenVisibility);
  return constant;
}

llvm::Value* byte_at(llvm::IRBuilder<>& ir, llvm::Value* base, int64_t offset) {
  return ir.CreateConstGEP1_64(ir.getInt8Ty(), base, static_cast<uint64_t>(offset));
}

// Moves f32 values between logical order and the type's layout, one by one: it runs between steps at most. Lanes beyond
// a dim's end stay as build_c_start leaves them, zero.
void copy_state(Checked& in, const ir::TensorType& type, llvm::Value* logical, llvm::Value* physical, bool packs) {
  llvm::IRBuilder<>& ir = in.ir;
  const ir::PhysicalForm form = ir::physical_form(type.layout, type.rank());
  llvm::Type* element = ir.getInt32Ty();
  const auto move = [&](llvm::Value* at_logical, llvm::Value* at_physical) {
    llvm::Value* outer = ir.CreateGEP(element, logical, at_logical);
    llvm::Value* inner = ir.CreateGEP(element, physical, at_physical);
    const llvm::Align align(sizeof(float));
    ir.CreateAlignedStore(ir.CreateAlignedLoad(element, packs ? outer : inner, llvm::Align(1)), packs ? inner : outer,
                          packs ? align : llvm::Align(1));
  };
  // Walks the logical values and finds each one's place: dims outermost first, then blocks.
  in.for_range(type.elements(), [&](llvm::Value* i) {
    std::vector<llvm::Value*> index(type.dims.size());
    llvm::Value* rest = i;
    for (size_t d = type.dims.size(); d-- > 0;) {
      llvm::Value* extent = ir.getInt64(static_cast<uint64_t>(type.dims[d]));
      index[d] = ir.CreateURem(rest, extent);
      rest = ir.CreateUDiv(rest, extent);
    }
    // From the innermost block outwards: what a block leaves of an index is the position in what stands before it.
    struct Axis {
      llvm::Value* position;
      int64_t extent;
    };
    std::vector<Axis> inner;
    std::vector<int64_t> extents(type.dims.begin(), type.dims.end());
    for (size_t b = form.blocks.size(); b-- > 0;) {
      const auto dim = static_cast<size_t>(form.blocks[b].dim);
      const int64_t size = form.blocks[b].size;
      inner.push_back({ir.CreateURem(index[dim], ir.getInt64(static_cast<uint64_t>(size))), size});
      index[dim] = ir.CreateUDiv(index[dim], ir.getInt64(static_cast<uint64_t>(size)));
      extents[dim] = (extents[dim] + size - 1) / size;
    }
    llvm::Value* place = ir.getInt64(0);
    const auto append = [&](llvm::Value* position, int64_t extent) {
      place = ir.CreateAdd(ir.CreateMul(place, ir.getInt64(static_cast<uint64_t>(extent))), position);
    };
    for (size_t d = 0; d < type.dims.size(); ++d) {
      const auto dim = static_cast<size_t>(form.order[d]);
      append(index[dim], extents[dim]);
    }
    for (size_t b = inner.size(); b-- > 0;) append(inner[b].position, inner[b].extent);
    move(i, place);
  });
}

// Calls visit(state, where it is) for all that learns.
template <class Visit> void visit_model(const ir::Module& network, const CModel& model, Visit&& visit) {
  for (size_t i = 0; i < model.states.size(); ++i)
    if (model.states[i].model_offset >= 0) visit(*network.states()[i], model.states[i]);
}

int64_t input_bytes(const ir::FunctionPlan& plan, size_t i) { return plan.function->inputs()[i]->type.bytes(); }
int64_t output_bytes(const ir::FunctionPlan& plan, size_t i) { return plan.function->outputs[i].value->type.bytes(); }

} // namespace

CMemory::CMemory(const ir::FunctionPlan& plan) {
  const auto take = [&](int64_t size) {
    const int64_t offset = bytes;
    bytes += aligned(size);
    return offset;
  };
  take(plan.arena_bytes);
  scratch = take(plan.scratch_bytes);
  for (size_t i = 0; i < plan.function->inputs().size(); ++i) inputs.push_back(take(input_bytes(plan, i)));
  for (size_t i = 0; i < plan.function->outputs.size(); ++i) outputs.push_back(take(output_bytes(plan, i)));
  if (bytes == 0) bytes = KILN_BUFFER_ALIGNMENT; // a caller's memory is never empty
}

void build_c_init(EmittedModule& emitted, const std::string& symbol, uint32_t build, const ir::Target& target) {
  // Itself for any CPU: it is what tells that the CPU is too old.
  Checked check(emitted, symbol, {llvm::Type::getInt32Ty(emitted.context())}, ir::baseline_of(target));
  check.require(check.ir.CreateICmpEQ(check.function->getArg(0), check.ir.getInt32(build)), CStatus::wrong_build);
  // Of 64-bit Arm nothing is asked that a CPU could lack.
  if (target.architecture == ir::Architecture::x86_64) CpuCheck(check).run(target.level);
  check.finish();
}

bool trains(const ir::Function& function) { return function.name().starts_with("train_step"); }

void build_c_entry(EmittedModule& emitted, const CFunction& function, std::span<const CState> states,
                   const ir::Target& target) {
  const ir::FunctionPlan& plan = *function.plan;
  const CMemory memory(plan);
  const size_t inputs = memory.inputs.size(), outputs = memory.outputs.size();
  llvm::Type* pointer = llvm::PointerType::getUnqual(emitted.context());
  const bool has_model =
      std::any_of(states.begin(), states.end(), [](const CState& state) { return state.model_offset >= 0; });
  const bool draws = trains(*plan.function);
  std::vector<llvm::Type*> parameters(inputs + outputs, pointer);
  if (draws) parameters.insert(parameters.end(), 2, llvm::Type::getInt64Ty(emitted.context()));
  if (has_model) parameters.push_back(pointer);
  parameters.push_back(pointer);
  Checked entry(emitted, function.symbol, parameters, target);
  llvm::IRBuilder<>& ir = entry.ir;
  llvm::Module& module = entry.module;

  const auto argument = [&](size_t i) { return entry.function->getArg(static_cast<unsigned>(i)); };
  llvm::Value* base = argument(parameters.size() - 1);
  llvm::Value* model = has_model ? argument(parameters.size() - 2) : nullptr;
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i] == pointer) entry.require(ir.CreateIsNotNull(argument(i)), CStatus::null_argument);
  entry.require_aligned(base);
  if (has_model) entry.require_aligned(model);

  const auto at = [&](llvm::Value* structure, int64_t offset) {
    return ir.CreateConstGEP1_64(ir.getInt8Ty(), structure, static_cast<uint64_t>(offset));
  };
  const auto copy = [&](llvm::Value* to, llvm::Value* from, int64_t bytes) {
    ir.CreateMemCpy(to, llvm::MaybeAlign(), from, llvm::MaybeAlign(), static_cast<uint64_t>(bytes));
  };
  for (size_t i = 0; i < inputs; ++i) copy(at(base, memory.inputs[i]), argument(i), input_bytes(plan, i));

  llvm::Value* buffers = ir.CreateAlloca(pointer, ir.getInt64(std::max<size_t>(plan.buffers.size(), 1)));
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const ir::PlannedBuffer& buffer = plan.buffers[i];
    const auto index = static_cast<size_t>(buffer.index);
    llvm::Value* address = nullptr;
    switch (buffer.kind) {
    case ir::BufferKind::arena:
      address = at(base, buffer.offset);
      break;
    case ir::BufferKind::input:
      address = at(base, memory.inputs[index]);
      break;
    case ir::BufferKind::output:
      address = at(base, memory.outputs[index]);
      break;
    case ir::BufferKind::state:
      address = states[index].model_offset >= 0 ? at(model, states[index].model_offset)
                                                : constant_of(module, states[index].symbol);
      break;
    }
    ir.CreateStore(address, at(buffers, static_cast<int64_t>(i * sizeof(void*))));
  }

  llvm::AllocaInst* call = ir.CreateAlloca(ir.getInt8Ty(), ir.getInt64(sizeof(kiln_call)));
  call->setAlignment(llvm::Align(alignof(kiln_call)));
  ir.CreateMemSet(call, ir.getInt8(0), sizeof(kiln_call), call->getAlign());
  const auto set = [&](size_t offset, llvm::Value* value) {
    ir.CreateStore(value, at(call, static_cast<int64_t>(offset)));
  };
  set(offsetof(kiln_call, abi_version), ir.getInt32(KILN_ABI_VERSION));
  set(offsetof(kiln_call, buffers), buffers);
  if (draws) {
    set(offsetof(kiln_call, seed), argument(inputs + outputs));
    set(offsetof(kiln_call, step), argument(inputs + outputs + 1));
  }
  set(offsetof(kiln_call, scratch), at(base, memory.scratch));
  set(offsetof(kiln_call, scratch_bytes), ir.getInt64(static_cast<uint64_t>(plan.scratch_bytes)));

  Denormals denormals(ir, target.architecture);
  llvm::FunctionCallee driver =
      module.getOrInsertFunction(function.driver_symbol, llvm::FunctionType::get(ir.getInt32Ty(), {pointer}, false));
  llvm::cast<llvm::Function>(driver.getCallee())->setVisibility(llvm::GlobalValue::HiddenVisibility);
  ir.CreateCall(driver, {call}); // its ABI is this compiler's own, so it cannot refuse
  denormals.restore();
  for (size_t i = 0; i < outputs; ++i) copy(argument(inputs + i), at(base, memory.outputs[i]), output_bytes(plan, i));
  entry.finish();
}

void build_c_start(EmittedModule& emitted, const std::string& symbol, const ir::Plan& plan, const CModel& model) {
  llvm::Type* pointer = llvm::PointerType::getUnqual(emitted.context());
  Checked entry(emitted, symbol, {pointer}, ir::baseline_of(plan.target));
  llvm::IRBuilder<>& ir = entry.ir;
  llvm::Value* memory = entry.function->getArg(0);
  entry.require(ir.CreateIsNotNull(memory), CStatus::null_argument);
  entry.require_aligned(memory);
  ir.CreateMemSet(memory, ir.getInt8(0), static_cast<uint64_t>(model.bytes), llvm::Align(KILN_BUFFER_ALIGNMENT));
  visit_model(*plan.module, model, [&](const ir::State& state, const CState& place) {
    if (place.symbol.empty()) return;
    ir.CreateMemCpy(byte_at(ir, memory, place.model_offset), llvm::Align(KILN_BUFFER_ALIGNMENT),
                    constant_of(entry.module, place.symbol), llvm::Align(KILN_BUFFER_ALIGNMENT),
                    static_cast<uint64_t>(state.value.type.bytes()));
  });
  entry.finish();
}

void build_c_save(EmittedModule& emitted, const std::string& symbol, const ir::Plan& plan, const CModel& model) {
  llvm::Type* pointer = llvm::PointerType::getUnqual(emitted.context());
  const std::string header = symbol + "_header";
  build_constant(emitted, header, model.header.data(), static_cast<int64_t>(model.header.size()));
  Checked entry(emitted, symbol, {pointer, pointer}, ir::baseline_of(plan.target));
  llvm::IRBuilder<>& ir = entry.ir;
  llvm::Value* memory = entry.function->getArg(0);
  llvm::Value* file = entry.function->getArg(1);
  for (llvm::Value* argument : {memory, file}) entry.require(ir.CreateIsNotNull(argument), CStatus::null_argument);
  entry.require_aligned(memory);
  ir.CreateMemCpy(file, llvm::MaybeAlign(), entry.module.getNamedValue(header), llvm::MaybeAlign(),
                  model.header.size());
  visit_model(*plan.module, model, [&](const ir::State& state, const CState& place) {
    copy_state(entry, state.value.type, byte_at(ir, file, place.file_offset), byte_at(ir, memory, place.model_offset),
               false);
  });
  entry.finish();
}

void build_c_load(EmittedModule& emitted, const std::string& symbol, const ir::Plan& plan, const CModel& model) {
  llvm::Type* pointer = llvm::PointerType::getUnqual(emitted.context());
  const std::string header = symbol + "_header";
  build_constant(emitted, header, model.header.data(), static_cast<int64_t>(model.header.size()));
  Checked entry(emitted, symbol, {pointer, pointer, llvm::Type::getInt64Ty(emitted.context())},
                ir::baseline_of(plan.target));
  llvm::IRBuilder<>& ir = entry.ir;
  llvm::Value* memory = entry.function->getArg(0);
  llvm::Value* file = entry.function->getArg(1);
  for (llvm::Value* argument : {memory, file}) entry.require(ir.CreateIsNotNull(argument), CStatus::null_argument);
  entry.require_aligned(memory);
  entry.require(ir.CreateICmpEQ(entry.function->getArg(2), ir.getInt64(static_cast<uint64_t>(model.file_bytes))),
                CStatus::wrong_file);
  llvm::Value* expected = entry.module.getNamedValue(header);
  entry.for_range(static_cast<int64_t>(model.header.size()), [&](llvm::Value* i) {
    llvm::Value* found = ir.CreateLoad(ir.getInt8Ty(), ir.CreateGEP(ir.getInt8Ty(), file, i));
    llvm::Value* wanted = ir.CreateLoad(ir.getInt8Ty(), ir.CreateGEP(ir.getInt8Ty(), expected, i));
    entry.require(ir.CreateICmpEQ(found, wanted), CStatus::wrong_file);
  });
  ir.CreateMemSet(memory, ir.getInt8(0), static_cast<uint64_t>(model.bytes), llvm::Align(KILN_BUFFER_ALIGNMENT));
  visit_model(*plan.module, model, [&](const ir::State& state, const CState& place) {
    copy_state(entry, state.value.type, byte_at(ir, file, place.file_offset), byte_at(ir, memory, place.model_offset),
               true);
  });
  entry.finish();
}

void build_serial_for(EmittedModule& emitted, const std::string& symbol, const ir::Target& target) {
  llvm::Module& module = emitted.module();
  llvm::IRBuilder<> ir(emitted.context());
  llvm::Type* pointer = ir.getPtrTy();
  auto* type = llvm::FunctionType::get(ir.getVoidTy(), {pointer, pointer, pointer, ir.getInt64Ty()}, false);
  auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol, module);
  set_function_attributes(*function, target);
  ir.SetInsertPoint(llvm::BasicBlock::Create(emitted.context(), "entry", function));
  llvm::Value* scratch =
      ir.CreateLoad(pointer, ir.CreateConstGEP1_64(ir.getInt8Ty(), function->getArg(0), offsetof(kiln_call, scratch)));
  auto* kernel = llvm::FunctionType::get(ir.getVoidTy(), {pointer, ir.getInt64Ty(), ir.getInt64Ty(), pointer}, false);
  ir.CreateCall(kernel, function->getArg(1), {function->getArg(2), ir.getInt64(0), function->getArg(3), scratch});
  ir.CreateRetVoid();
}

void build_constant(EmittedModule& emitted, const std::string& symbol, const void* data, int64_t bytes) {
  llvm::Constant* values = llvm::ConstantDataArray::getString(
      emitted.context(), llvm::StringRef(static_cast<const char*>(data), static_cast<size_t>(bytes)), false);
  auto* global = new llvm::GlobalVariable(emitted.module(), values->getType(), true, llvm::GlobalValue::ExternalLinkage,
                                          values, symbol);
  global->setAlignment(llvm::Align(KILN_BUFFER_ALIGNMENT));
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
}

void hide_functions(EmittedModule& module) {
  for (llvm::Function& function : module.module()) {
    if (function.isIntrinsic()) continue;
    function.setVisibility(llvm::GlobalValue::HiddenVisibility);
    if (!function.isDeclaration() && function.getName().starts_with(kSharedPrefix))
      function.setLinkage(llvm::GlobalValue::WeakODRLinkage);
  }
}

} // namespace kiln::codegen
