// Emission of the driver: straight-line code, one call to kiln_parallel_for a launch.
#include "codegen/driver_builder.h"

#include "codegen/kernel_builder_impl.h"
#include "codegen/llvm.h"
#include "runtime/abi.h"

#include <algorithm>
#include <cstddef>

namespace kiln::codegen {

namespace {

class DriverBuilder {
public:
  DriverBuilder(EmittedModule& module, const DriverNames& names, const ir::Target& target)
      : context_(module.context()), module_(module.module()), parallel_for_(names.parallel_for), ir_(context_),
        pointer_(ir_.getPtrTy()) {
    auto* type = llvm::FunctionType::get(ir_.getInt32Ty(), {pointer_}, false);
    function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, names.symbol, module_);
    set_function_attributes(*function_, target);
    call_ = function_->getArg(0);
    call_->setName("call");
  }

  void build(const std::vector<DriverStep>& steps) {
    ir_.SetInsertPoint(new_block("entry"));
    size_t most_operands = 1;
    for (const DriverStep& step : steps)
      for (const Launch& launch : step.launches) most_operands = std::max(most_operands, launch.buffers.size());
    // One set of arguments serves all launches: kiln_parallel_for returns when no thread reads it any more.
    operands_ = ir_.CreateAlloca(pointer_, ir_.getInt64(most_operands), "operands");
    args_ = ir_.CreateAlloca(ir_.getInt8Ty(), ir_.getInt64(sizeof(kiln_kernel_args)), "args");
    args_->setAlignment(llvm::Align(alignof(kiln_kernel_args)));

    check_version();
    buffers_ = load(pointer_, call_, offsetof(kiln_call, buffers));
    hook_ = load(pointer_, call_, offsetof(kiln_call, hook));
    hook_context_ = load(pointer_, call_, offsetof(kiln_call, hook_context));
    store(operands_, args_, offsetof(kiln_kernel_args, operands));
    store(call_, args_, offsetof(kiln_kernel_args, call));
    for (size_t i = 0; i < steps.size(); ++i) {
      for (const Launch& launch : steps[i].launches) emit_launch(launch);
      emit_hook(static_cast<int32_t>(i));
    }
    ir_.CreateRet(ir_.getInt32(KILN_OK));

    std::string complaint;
    llvm::raw_string_ostream stream(complaint);
    if (llvm::verifyFunction(*function_, &stream)) throw CodegenError("driver is malformed: " + stream.str());
  }

private:
  llvm::BasicBlock* new_block(const char* name) { return llvm::BasicBlock::Create(context_, name, function_); }

  llvm::Value* field(llvm::Value* structure, size_t byte_offset) {
    return ir_.CreateConstGEP1_64(ir_.getInt8Ty(), structure, byte_offset);
  }
  llvm::Value* load(llvm::Type* type, llvm::Value* structure, size_t byte_offset) {
    return ir_.CreateLoad(type, field(structure, byte_offset));
  }
  void store(llvm::Value* value, llvm::Value* structure, size_t byte_offset) {
    ir_.CreateStore(value, field(structure, byte_offset));
  }

  void check_version() {
    auto* wrong = new_block("wrong_abi");
    auto* right = new_block("run");
    llvm::Value* version = load(ir_.getInt32Ty(), call_, offsetof(kiln_call, abi_version));
    ir_.CreateCondBr(ir_.CreateICmpEQ(version, ir_.getInt32(KILN_ABI_VERSION)), right, wrong);
    ir_.SetInsertPoint(wrong);
    ir_.CreateRet(ir_.getInt32(KILN_WRONG_ABI));
    ir_.SetInsertPoint(right);
  }

  llvm::Constant* constant_scalars(const std::vector<int64_t>& scalars) {
    if (scalars.empty()) return llvm::ConstantPointerNull::get(llvm::PointerType::getUnqual(context_));
    std::vector<uint64_t> bits(scalars.begin(), scalars.end());
    llvm::Constant* values = llvm::ConstantDataArray::get(context_, bits);
    auto* global = new llvm::GlobalVariable(module_, values->getType(), true, llvm::GlobalValue::PrivateLinkage, values,
                                            "scalars");
    global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
    return global;
  }

  llvm::FunctionCallee external(const std::string& name, llvm::FunctionType* type) {
    llvm::FunctionCallee callee = module_.getOrInsertFunction(name, type);
    auto* declared = llvm::dyn_cast<llvm::Function>(callee.getCallee());
    if (declared == nullptr || declared->getFunctionType() != type)
      throw CodegenError("driver: symbol used for two things: " + name);
    declared->addFnAttr(llvm::Attribute::NoUnwind);
    return callee;
  }

  void emit_launch(const Launch& launch) {
    if (launch.tasks <= 0) throw CodegenError("driver: launch of " + launch.kernel_symbol + " has no tasks");
    for (size_t i = 0; i < launch.buffers.size(); ++i) {
      if (launch.buffers[i] < 0) throw CodegenError("driver: launch of " + launch.kernel_symbol + " lacks a buffer");
      store(load(pointer_, buffers_, static_cast<size_t>(launch.buffers[i]) * sizeof(void*)), operands_,
            i * sizeof(void*));
    }
    store(constant_scalars(launch.scalars), args_, offsetof(kiln_kernel_args, scalars));
    auto* kernel_type =
        llvm::FunctionType::get(ir_.getVoidTy(), {pointer_, ir_.getInt64Ty(), ir_.getInt64Ty(), pointer_}, false);
    auto* run_type = llvm::FunctionType::get(ir_.getVoidTy(), {pointer_, pointer_, pointer_, ir_.getInt64Ty()}, false);
    llvm::Value* kernel = external(launch.kernel_symbol, kernel_type).getCallee();
    ir_.CreateCall(external(parallel_for_, run_type),
                   {call_, kernel, args_, ir_.getInt64(static_cast<uint64_t>(launch.tasks))});
  }

  void emit_hook(int32_t step) {
    auto* call_hook = new_block("hook");
    auto* next = new_block("next");
    ir_.CreateCondBr(ir_.CreateIsNull(hook_), next, call_hook);
    ir_.SetInsertPoint(call_hook);
    auto* type = llvm::FunctionType::get(ir_.getVoidTy(), {pointer_, ir_.getInt32Ty()}, false);
    ir_.CreateCall(type, hook_, {hook_context_, ir_.getInt32(static_cast<uint32_t>(step))});
    ir_.CreateBr(next);
    ir_.SetInsertPoint(next);
  }

  llvm::LLVMContext& context_;
  llvm::Module& module_;
  const std::string parallel_for_;
  llvm::IRBuilder<> ir_;
  llvm::Type* pointer_;
  llvm::Function* function_ = nullptr;
  llvm::Value* call_ = nullptr;
  llvm::AllocaInst* operands_ = nullptr;
  llvm::AllocaInst* args_ = nullptr;
  llvm::Value* buffers_ = nullptr;
  llvm::Value* hook_ = nullptr;
  llvm::Value* hook_context_ = nullptr;
};

} // namespace

void build_driver(EmittedModule& module, const DriverNames& names, const std::vector<DriverStep>& steps,
                  const ir::Target& target) {
  DriverBuilder(module, names, target).build(steps);
}

} // namespace kiln::codegen
