// One LLVM module in a context of its own, holding one kernel or a driver, so that modules compile in parallel.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace kiln::codegen {

// Emission, compilation or linking failed: a defect of Kiln or of its installation, never of the user's network.
class CodegenError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class EmittedModule {
public:
  explicit EmittedModule(std::string name);
  ~EmittedModule();
  EmittedModule(EmittedModule&&) noexcept;
  EmittedModule& operator=(EmittedModule&&) noexcept;

  const std::string& name() const { return name_; }
  // Both as it stands: before or after optimize().
  std::string ir_text() const;
  std::string bitcode() const;

  llvm::Module& module() const { return *module_; }
  llvm::LLVMContext& context() const { return *context_; }

private:
  std::string name_;
  std::unique_ptr<llvm::LLVMContext> context_;
  std::unique_ptr<llvm::Module> module_; // after the context: destroyed before it
};

} // namespace kiln::codegen
