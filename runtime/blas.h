// Choice of the matrix-product kernels behind kiln_sgemm (declared in abi.h), which calls BLIS.
#pragma once

#include "runtime/cpu.h"

#include <string>

namespace kiln::runtime {

// Fixes the BLIS kernels of this process as a function of the ISA level a plan was made for: kernels decide bits, so
// neither the machine nor BLIS's own detection (which reads brand strings and is wrong on virtual machines) may. An
// environment variable BLIS_ARCH_TYPE set by the user wins.
//
// Call first thing in main(), before any thread exists: BLIS takes its choice from the environment, once, at its first
// call, and setenv races with getenv on other threads. Throws Error if `level` is above what the CPU offers, or if
// BLIS was already initialised with other kernels.
void select_blis_kernels(IsaLevel level);

// Name of the kernels in use, in BLIS's words: "skx", "haswell", "penryn", "generic". Initialises BLIS if needed.
std::string blis_kernels();

} // namespace kiln::runtime
