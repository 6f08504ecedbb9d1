// ORC LLJIT with objects only: no IR is compiled here, and no symbol of the process is visible but those given.
#include "codegen/jit.h"

#include <cstring>

#include "codegen/llvm.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Support/TargetSelect.h>
#pragma GCC diagnostic pop

namespace kiln::codegen {

namespace {

[[noreturn]] void fail(const std::string& what, llvm::Error error) {
  throw CodegenError(what + ": " + llvm::toString(std::move(error)));
}

} // namespace

struct Jit::Impl {
  std::unique_ptr<llvm::orc::LLJIT> lljit;
};

Jit::Jit(const std::vector<JitSymbol>& symbols) : impl_(std::make_unique<Impl>()) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  auto lljit =
      llvm::orc::LLJITBuilder()
          .setJITTargetMachineBuilder(llvm::orc::JITTargetMachineBuilder(llvm::Triple("x86_64-unknown-linux-gnu")))
          .setLinkProcessSymbolsByDefault(false)
          .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
          .create();
  if (!lljit) fail("cannot start the JIT", lljit.takeError());
  impl_->lljit = std::move(*lljit);
  // Failures come back from address(), with the same text: they need not be printed as well.
  impl_->lljit->getExecutionSession().setErrorReporter([](llvm::Error error) { llvm::consumeError(std::move(error)); });

  llvm::orc::SymbolMap absolute;
  for (const JitSymbol& symbol : symbols)
    absolute[impl_->lljit->mangleAndIntern(symbol.name)] = {llvm::orc::ExecutorAddr::fromPtr(symbol.address),
                                                            llvm::JITSymbolFlags::Exported |
                                                                llvm::JITSymbolFlags::Callable};
  if (auto error = impl_->lljit->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(absolute))))
    fail("cannot define the runtime's symbols", std::move(error));
}

Jit::~Jit() = default;
Jit::Jit(Jit&&) noexcept = default;
Jit& Jit::operator=(Jit&&) noexcept = default;

void Jit::add(const ObjectFile& object) {
  auto bytes = llvm::MemoryBuffer::getMemBufferCopy(object.bytes, object.name);
  if (auto error = impl_->lljit->addObjectFile(std::move(bytes))) fail("object " + object.name, std::move(error));
}

void* Jit::address(const std::string& symbol) {
  auto found = impl_->lljit->lookup(symbol);
  if (!found) fail("cannot link " + symbol, found.takeError());
  return found->toPtr<void*>();
}

} // namespace kiln::codegen
