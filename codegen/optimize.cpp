// Target machine, LLVM pass pipeline and object emission.
#include "codegen/optimize.h"

#include "codegen/llvm_backend.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <fmt/format.h>
#include <mutex>
#include <thread>

namespace kiln::codegen {

namespace {

const char* triple_of(const ir::Target& target) {
  return target.architecture == ir::Architecture::aarch64 ? "aarch64-unknown-linux-gnu" : "x86_64-unknown-linux-gnu";
}

// Goes up when this file turns the same module into other code, so that no cache gives the old one.
constexpr int kPipelineVersion = 1;

const llvm::Target& back_end(const ir::Target& target) {
  initialize_llvm();
  std::string complaint;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(triple_of(target), complaint);
  if (found == nullptr) throw CodegenError("this LLVM lacks a back end: " + complaint);
  return *found;
}

std::unique_ptr<llvm::TargetMachine> make_target_machine(const ir::Target& target) {
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict; // contraction is mul_add's to decide
  std::unique_ptr<llvm::TargetMachine> machine(back_end(target).createTargetMachine(
      triple_of(target), cpu_name(target), feature_string(target), options, llvm::Reloc::PIC_, llvm::CodeModel::Small,
      llvm::CodeGenOptLevel::Aggressive));
  if (machine == nullptr) throw CodegenError("LLVM refused target " + cpu_name(target));
  return machine;
}

void prepare(llvm::Module& module, llvm::TargetMachine& machine) {
  module.setTargetTriple(machine.getTargetTriple().str());
  module.setDataLayout(machine.createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
}

void run_pipeline(llvm::Module& module, llvm::TargetMachine& machine) {
  // Emitters vectorise, interleave and unroll by themselves; loops they leave to LLVM carry a hint.
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = true;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager call_graph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(call_graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, call_graph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

std::string generate(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    throw CodegenError("LLVM cannot emit this kind of file");
  passes.run(module);
  return {bytes.begin(), bytes.end()};
}

// LLVM reports what the back end cannot do through the context and goes on; here that is an error.
class DiagnosticScope {
public:
  explicit DiagnosticScope(llvm::LLVMContext& context) : context_(context) {
    context.setDiagnosticHandlerCallBack(
        [](const llvm::DiagnosticInfo* info, void* self) {
          if (info->getSeverity() != llvm::DS_Error) return;
          llvm::raw_string_ostream stream(static_cast<DiagnosticScope*>(self)->message_);
          llvm::DiagnosticPrinterRawOStream printer(stream);
          info->print(printer);
        },
        this);
  }
  ~DiagnosticScope() { context_.setDiagnosticHandlerCallBack(nullptr); }
  void check() const {
    if (!message_.empty()) throw CodegenError("LLVM: " + message_);
  }

private:
  llvm::LLVMContext& context_;
  std::string message_;
};

} // namespace

void initialize_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser(); // CPUID is inline assembly
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

std::string cpu_name(const ir::Target& target) {
  if (target.architecture == ir::Architecture::aarch64) return "generic";
  switch (target.level) {
  case ir::IsaLevel::baseline:
    return "x86-64";
  case ir::IsaLevel::v2:
    return "x86-64-v2";
  case ir::IsaLevel::v3:
    return "x86-64-v3";
  case ir::IsaLevel::v4:
    return "x86-64-v4";
  }
  throw CodegenError("unknown ISA level");
}

std::string feature_string(const ir::Target& target) {
  if (target.architecture == ir::Architecture::aarch64) return "+fp-armv8,+neon";
  std::string features = "+sse,+sse2";
  if (target.level >= ir::IsaLevel::v2) features += ",+cx16,+popcnt,+sahf,+sse3,+ssse3,+sse4.1,+sse4.2";
  if (target.level >= ir::IsaLevel::v3) features += ",+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+xsave";
  if (target.level >= ir::IsaLevel::v4) features += ",+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl,+evex512";
  return features;
}

void optimize(EmittedModule& module, const ir::Target& target) {
  auto machine = make_target_machine(target);
  prepare(module.module(), *machine);
  run_pipeline(module.module(), *machine);
}

ObjectFile compile(EmittedModule& module, const ir::Target& target) {
  auto machine = make_target_machine(target);
  DiagnosticScope diagnostics(module.context());
  prepare(module.module(), *machine);
  run_pipeline(module.module(), *machine);
  ObjectFile object{module.name(), generate(module.module(), *machine, llvm::CodeGenFileType::ObjectFile)};
  diagnostics.check();
  return object;
}

std::string assembly_text(const EmittedModule& module, const ir::Target& target) {
  auto machine = make_target_machine(target);
  DiagnosticScope diagnostics(module.context());
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(module.module());
  prepare(*copy, *machine);
  run_pipeline(*copy, *machine);
  std::string text = generate(*copy, *machine, llvm::CodeGenFileType::AssemblyFile);
  diagnostics.check();
  return text;
}

std::string pipeline_version() { return fmt::format("LLVM {} pipeline {}", LLVM_VERSION_STRING, kPipelineVersion); }

CompiledModules compile_all(std::vector<EmittedModule>& modules, const ir::Target& target, int32_t threads,
                            const ObjectCache& cache) {
  CompiledModules result;
  result.objects.resize(modules.size());
  std::vector<std::exception_ptr> failures(modules.size());
  std::atomic<size_t> next = 0;
  std::atomic<int64_t> cached = 0;
  const auto make_object = [&](EmittedModule& module) -> ObjectFile {
    if (!cache.enabled()) return compile(module, target);
    const std::string key = ObjectCache::key(module, target);
    if (auto bytes = cache.find(key)) {
      ++cached;
      return {module.name(), std::move(*bytes)};
    }
    ObjectFile object = compile(module, target);
    cache.store(key, object.bytes);
    return object;
  };
  auto work = [&] {
    for (size_t i = next++; i < modules.size(); i = next++) {
      try {
        result.objects[i] = make_object(modules[i]);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> workers;
    auto wanted = std::min(static_cast<size_t>(std::max(threads, 1)), modules.size());
    for (size_t i = 1; i < wanted; ++i) workers.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
  result.cached = cached;
  if (result.cached < static_cast<int64_t>(modules.size())) cache.trim();
  return result;
}

std::vector<std::string> undefined_symbols(const ObjectFile& object) {
  auto fail = [&](llvm::Error error) {
    throw CodegenError("object " + object.name + ": " + llvm::toString(std::move(error)));
  };
  auto parsed = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object.bytes, object.name));
  if (!parsed) fail(parsed.takeError());
  std::vector<std::string> names;
  for (const llvm::object::SymbolRef& symbol : (*parsed)->symbols()) {
    auto flags = symbol.getFlags();
    if (!flags) fail(flags.takeError());
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) == 0) continue;
    auto name = symbol.getName();
    if (!name) fail(name.takeError());
    if (!name->empty()) names.push_back(name->str()); // the symbol table's first entry has no name
  }
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace kiln::codegen
