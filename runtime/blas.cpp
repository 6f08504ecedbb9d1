// sgemm on BLIS (the serial build), and the choice of its kernels.
#include "runtime/blas.h"

#include "runtime/error.h"

#include <blis.h>
#include <cstdlib>

namespace kiln::runtime {

namespace {

// The kernels of each level need nothing beyond it. BLIS's Zen kernels are its Haswell ones with other block sizes;
// one choice a level keeps bits equal between vendors.
arch_t kernels_for(IsaLevel level) {
  switch (level) {
  case IsaLevel::v4:
    return BLIS_ARCH_SKX;
  case IsaLevel::v3:
    return BLIS_ARCH_HASWELL;
  case IsaLevel::v2:
    return BLIS_ARCH_PENRYN;
  case IsaLevel::baseline:
    break;
  }
  return BLIS_ARCH_GENERIC;
}

constexpr const char* variable = "BLIS_ARCH_TYPE";

} // namespace

void select_blis_kernels(IsaLevel level) {
  if (level > cpu_isa_level()) {
    throw Error(ErrorKind::unsupported, "this program is for x86-64 level " + std::string(name_of(level)) +
                                            ", this CPU offers " + std::string(name_of(cpu_isa_level())));
  }
  if (std::getenv(variable)) {
    bli_init();
    return;
  }
  const arch_t wanted = kernels_for(level);
  setenv(variable, std::to_string(static_cast<int>(wanted)).c_str(), 1);
  bli_init();         // reads the variable, once
  unsetenv(variable); // so that child processes decide for themselves
  if (bli_arch_query_id() != wanted) {
    throw Error(ErrorKind::runtime, std::string("BLIS was initialised with ") + blis_kernels() +
                                        " kernels before they were chosen for level " + std::string(name_of(level)));
  }
}

std::string blis_kernels() {
  bli_init();
  return bli_arch_string(bli_arch_query_id());
}

void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda,
           const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  const float one = 1.0f;
  // Not by BLIS 0.9's kernels for small products, which work on operands as they lie: with the Haswell ones, a product
  // with a transposed b reads a row beyond the end of a. The others pack, and are no slower where it matters.
  rntm_t runtime = BLIS_RNTM_INITIALIZER;
  bli_rntm_disable_l3_sup(&runtime);
  // BLIS takes non-const operands but writes only c.
  bli_sgemm_ex(transpose_a ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, transpose_b ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, m, n,
               k, const_cast<float*>(&one), const_cast<float*>(a), lda, 1, const_cast<float*>(b), ldb, 1, &beta, c, ldc,
               1, nullptr, &runtime);
}

} // namespace kiln::runtime
