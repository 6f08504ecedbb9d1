// Writes the driver of an emitted function (runtime/abi.h: kiln_entry): every launch of every plan step, in order.
#pragma once

#include "codegen/module.h"
#include "ir/target.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::codegen {

// One kernel over [0, tasks).
struct Launch {
  std::string kernel_symbol;
  std::vector<int32_t> buffers; // operand i is call->buffers[buffers[i]]
  std::vector<int64_t> scalars;
  int64_t tasks = 0;
};

struct DriverStep {
  std::vector<Launch> launches;
};

struct DriverNames {
  std::string symbol;
  std::string parallel_for = "kiln_parallel_for"; // what launches kernels, with the signature of this one
};

// int32_t symbol(const kiln_call*): KILN_WRONG_ABI if the caller was built against another abi.h; else runs the steps,
// calling call->hook(hook_context, i) after step i when set, and returns KILN_OK.
void build_driver(EmittedModule& module, const DriverNames& names, const std::vector<DriverStep>& steps,
                  const ir::Target& target);

} // namespace kiln::codegen
