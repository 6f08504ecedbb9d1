// How many multiply-adds a second this machine does right now: the yardstick of `kiln time`.
#pragma once

#include "codegen/jit.h"
#include "ir/target.h"
#include "runtime/abi.h"

#include <cstdint>

namespace kiln::codegen {

// A fixed kernel that does nothing but multiply-adds in registers, with enough independent sums to fill the pipelines
// of any CPU: the best that code of this level can do. Clocks move, so measure it beside what it is compared with.
class FmaProbe {
public:
  explicit FmaProbe(const ir::Target& target);

  // Runs for about a millisecond on all threads of `pool` (as in kiln_call) and returns FLOP a second.
  double measure(void* pool, int32_t threads);

private:
  int64_t flops_per_task_;
  Jit jit_;
  kiln_kernel kernel_;
};

} // namespace kiln::codegen
