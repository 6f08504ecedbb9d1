// The runtime detects the CPU (its products must too); this names the result in the compiler's terms.
#include "codegen/host_cpu.h"

#include "runtime/cpu.h"

namespace kiln::codegen {

ir::IsaLevel host_isa_level() {
  switch (runtime::cpu_isa_level()) {
  case runtime::IsaLevel::baseline:
    return ir::IsaLevel::baseline;
  case runtime::IsaLevel::v2:
    return ir::IsaLevel::v2;
  case runtime::IsaLevel::v3:
    return ir::IsaLevel::v3;
  case runtime::IsaLevel::v4:
    return ir::IsaLevel::v4;
  }
  return ir::IsaLevel::baseline;
}

} // namespace kiln::codegen
