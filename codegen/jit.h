// Objects -> functions callable in this process, by ORC LLJIT.
#pragma once

#include "codegen/optimize.h"
#include "runtime/abi.h"

#include <memory>
#include <string>
#include <vector>

namespace kiln::codegen {

// What emitted code may call. Nothing else of the process is visible to it.
struct JitSymbol {
  std::string name;
  void* address;
};
// kiln_parallel_for and the memory functions, at their addresses in this process.
std::vector<JitSymbol> runtime_symbols();

// Owns the code it returns: functions live as long as it does.
class Jit {
public:
  explicit Jit(const std::vector<JitSymbol>& symbols = runtime_symbols());
  ~Jit();
  Jit(Jit&&) noexcept;
  Jit& operator=(Jit&&) noexcept;

  void add(const ObjectFile& object);
  void* address(const std::string& symbol); // throws CodegenError if it or something it needs is missing

  kiln_kernel kernel(const std::string& symbol) { return reinterpret_cast<kiln_kernel>(address(symbol)); }
  kiln_entry entry(const std::string& symbol) { return reinterpret_cast<kiln_entry>(address(symbol)); }

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace kiln::codegen
