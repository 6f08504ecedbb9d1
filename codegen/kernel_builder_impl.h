// What a KernelBuilder holds while it emits; shared by the .cpp files that implement its value types and its methods.
#pragma once

#include "codegen/kernel_builder.h"
#include "codegen/llvm.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace kiln::codegen {

struct KernelBuilder::Impl {
  Impl(EmittedModule& module, std::string_view name, const ir::Target& target);

  llvm::LLVMContext& context;
  llvm::Module& module;
  llvm::Function* function = nullptr;
  llvm::IRBuilder<> entry; // before the entry block's branch: what is emitted once a call
  llvm::IRBuilder<> ir;    // where emission stands

  struct Operand {
    Pointer pointer;
    Aliasing aliasing;
  };
  std::map<int32_t, Operand> operands;
  std::map<int32_t, llvm::Value*> scalars;
  llvm::Value* operand_array = nullptr;
  llvm::Value* scalar_array = nullptr;
  llvm::Value* call = nullptr;
  llvm::Value* seed = nullptr;
  llvm::Value* step = nullptr;
  bool has_tasks = false;
  bool finished = false;

  // Accesses and where they go, kept until finish(): only then are all scopes known.
  struct Access {
    llvm::Instruction* instruction;
    int32_t scope;
  };
  std::vector<Access> accesses;

  llvm::Type* element_type(ElementType element);
  // The address `offset` elements after the pointer; null: none.
  llvm::Value* address(const Pointer& pointer, llvm::Value* offset);
  llvm::Type* type_of(llvm::Type* scalar, int32_t lanes) {
    return lanes == 1 ? scalar : llvm::FixedVectorType::get(scalar, static_cast<unsigned>(lanes));
  }
  llvm::Value* splat(llvm::Value* scalar, int32_t lanes) {
    return lanes == 1 ? scalar : ir.CreateVectorSplat(static_cast<unsigned>(lanes), scalar);
  }
  // A field of a structure of abi.h that does not change during a call.
  llvm::Value* load_field(llvm::Type* type, llvm::Value* structure, int64_t byte_offset);
  void promise_buffer_alignment(llvm::LoadInst* pointer);
  void note_access(llvm::Instruction* instruction, const Pointer& pointer) {
    accesses.push_back({instruction, pointer.scope});
  }
  void attach_alias_scopes();
};

// Sets what every emitted function has: no unwinding, the level's features, and vectors that are not split.
void set_function_attributes(llvm::Function& function, const ir::Target& target);

// The scope of scratch memory; operands have their position.
constexpr int32_t scratch_scope = 1 << 20;

} // namespace kiln::codegen
