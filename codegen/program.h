// A plan compiled to machine code and described as runtime/abi.h asks: what `kiln train` runs, in this process.
#pragma once

#include "codegen/description.h"
#include "ir/plan.h"
#include "runtime/abi.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kiln::codegen {

struct CompileOptions {
  int32_t threads = 1;         // for compiling; the code does not depend on it
  std::string cache_directory; // of compiled objects; empty: none
  ProgramFacts facts;
};

// Owns the code and every string and array that its description points to.
class Program {
public:
  // `plan` and its module are read only during the call.
  Program(const ir::Plan& plan, const CompileOptions& options);
  ~Program();
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;

  const kiln_program& description() const;
  int64_t kernel_count() const; // after sharing
  int64_t cached_count() const; // objects that the cache held, of kernels and drivers
  int64_t code_bytes() const;
  double compile_seconds() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Hex SHA-256 of what fixes the bits: the printed module, the plan, the ISA level and the kernels' version.
std::string plan_hash(const ir::Plan& plan);

// Text of the emitted code of a plan's function, for people: LLVM IR as written by the emitters, or assembly.
std::string llvm_text(const ir::Plan& plan, const std::string& function);
std::string assembly_text(const ir::Plan& plan, const std::string& function);

} // namespace kiln::codegen
