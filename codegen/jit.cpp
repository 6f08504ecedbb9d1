// ORC LLJIT with objects only: no IR is compiled here, and no symbol of the process is visible but those given.
#include "codegen/jit.h"

#include "codegen/llvm_backend.h"

#include <mutex>
#include <utility>

namespace kiln::codegen {

namespace {

[[noreturn]] void fail(const std::string& what, llvm::Error error) {
  throw CodegenError(what + ": " + llvm::toString(std::move(error)));
}

// ORC returns that something failed and reports why to the session.
class Reasons {
public:
  void add(llvm::Error error) {
    std::lock_guard lock(mutex_);
    text_ += "; " + llvm::toString(std::move(error));
  }
  std::string take() {
    std::lock_guard lock(mutex_);
    return std::exchange(text_, {});
  }

private:
  std::mutex mutex_;
  std::string text_;
};

} // namespace

struct Jit::Impl {
  Reasons reasons; // outlives the session that reports to it
  std::unique_ptr<llvm::orc::LLJIT> lljit;
};

Jit::Jit(const std::vector<JitSymbol>& symbols) : impl_(std::make_unique<Impl>()) {
  initialize_llvm();
  auto lljit =
      llvm::orc::LLJITBuilder()
          .setJITTargetMachineBuilder(llvm::orc::JITTargetMachineBuilder(llvm::Triple("x86_64-unknown-linux-gnu")))
          .setLinkProcessSymbolsByDefault(false)
          .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
          .create();
  if (!lljit) fail("cannot start the JIT", lljit.takeError());
  impl_->lljit = std::move(*lljit);
  impl_->lljit->getExecutionSession().setErrorReporter(
      [reasons = &impl_->reasons](llvm::Error error) { reasons->add(std::move(error)); });

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
  if (!found) {
    std::string what = llvm::toString(found.takeError());
    throw CodegenError("cannot link " + symbol + ": " + what + impl_->reasons.take());
  }
  return found->toPtr<void*>();
}

} // namespace kiln::codegen
