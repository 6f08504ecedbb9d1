// Creation and printing of emitted modules.
#include "codegen/module.h"

#include "codegen/llvm.h"

namespace kiln::codegen {

EmittedModule::EmittedModule(std::string name)
    : name_(std::move(name)), context_(std::make_unique<llvm::LLVMContext>()),
      module_(std::make_unique<llvm::Module>(name_, *context_)) {}

EmittedModule::~EmittedModule() = default;

EmittedModule::EmittedModule(EmittedModule&&) noexcept = default;

EmittedModule& EmittedModule::operator=(EmittedModule&& other) noexcept {
  name_ = std::move(other.name_);
  module_ = std::move(other.module_); // before its context goes
  context_ = std::move(other.context_);
  return *this;
}

std::string EmittedModule::ir_text() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module_->print(stream, nullptr);
  return stream.str();
}

std::string EmittedModule::bitcode() const {
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  llvm::WriteBitcodeToFile(*module_, stream);
  return stream.str();
}

} // namespace kiln::codegen
