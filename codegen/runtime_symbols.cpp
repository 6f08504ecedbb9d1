// What emitted code may call, at its address in this process.
#include "codegen/jit.h"

#include <cstring>

namespace kiln::codegen {

std::vector<JitSymbol> runtime_symbols() {
  auto address = [](auto* function) { return reinterpret_cast<void*>(function); };
  return {
      {"kiln_parallel_for", address(&kiln_parallel_for)},
      {"memcpy", address(&std::memcpy)},
      {"memmove", address(&std::memmove)},
      {"memset", address(&std::memset)},
  };
}

} // namespace kiln::codegen
