// Emitted modules -> optimised LLVM IR, assembly text, ELF objects for a target level.
#pragma once

#include "codegen/module.h"
#include "codegen/object_cache.h"
#include "ir/target.h"

#include <string>
#include <vector>

namespace kiln::codegen {

// A relocatable ELF object.
struct ObjectFile {
  std::string name;
  std::string bytes;
};

// Makes LLVM's x86 back end known to it, once a process. Every function here and Jit do it themselves.
void initialize_llvm();

// LLVM's names: "x86-64-v4" and "+avx512f,...". Made from the level alone, so that code does not depend on the machine
// that compiles it.
std::string cpu_name(const ir::Target& target);
std::string feature_string(const ir::Target& target);

void optimize(EmittedModule& module, const ir::Target& target);

// Both take a module as emitted and optimise it: compile() in place, assembly_text() in a copy.
ObjectFile compile(EmittedModule& module, const ir::Target& target);
std::string assembly_text(const EmittedModule& module, const ir::Target& target);

// Names what turns a module into an object, beside the target: LLVM's version and the settings of this file.
std::string pipeline_version();

// The objects of some modules, in their order, and how many of them the cache held.
struct CompiledModules {
  std::vector<ObjectFile> objects;
  int64_t cached = 0;
};

// Compiles every module that the cache does not hold, on up to `threads` threads. The first failure is thrown.
CompiledModules compile_all(std::vector<EmittedModule>& modules, const ir::Target& target, int32_t threads,
                            const ObjectCache& cache);

// Names the object refers to but does not define, sorted.
std::vector<std::string> undefined_symbols(const ObjectFile& object);

} // namespace kiln::codegen
