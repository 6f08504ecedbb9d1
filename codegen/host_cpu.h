// What this machine can run.
#pragma once

#include "ir/target.h"

namespace kiln::codegen {

// The highest level whose every feature the CPU has and the operating system saves.
ir::IsaLevel host_isa_level();

} // namespace kiln::codegen
