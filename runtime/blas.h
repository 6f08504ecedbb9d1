// Matrix products by BLIS, for statistics of images, and the choice of its kernels.
#pragma once

#include "runtime/cpu.h"

#include <cstdint>
#include <string>

namespace kiln::runtime {

// Fixes the BLIS kernels of this process as a function of an ISA level: BLIS's own detection reads brand strings and is
// wrong on virtual machines. An environment variable BLIS_ARCH_TYPE set by the user wins.
//
// Call first thing in main(), before any thread exists: BLIS takes its choice from the environment, once, at its first
// call, and setenv races with getenv on other threads. Throws Error if `level` is above what the CPU offers, or if
// BLIS was already initialised with other kernels.
void select_blis_kernels(IsaLevel level);

// Name of the kernels in use, in BLIS's words: "skx", "haswell", "penryn", "generic". Initialises BLIS if needed.
std::string blis_kernels();

// c[m,n] = op(a) op(b) + beta c, row-major, leading dimensions in elements; op(x) = x or its transpose. One thread.
void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda,
           const float* b, int64_t ldb, float beta, float* c, int64_t ldc);

} // namespace kiln::runtime
