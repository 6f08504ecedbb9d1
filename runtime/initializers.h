// How the states of a program begin: constants, draws, orthogonal matrices, interpolation.
// A value depends on (seed, state's stream, logical element) only, on no CPU and no number of threads.
#pragma once

#include "runtime/abi.h"

#include <cstdint>

namespace kiln::runtime {

// Fills element_count(state.tensor) elements in logical order. Throws Error (runtime) on what cannot be.
void initialize_state(const kiln_state& state, uint64_t seed, void* logical);

} // namespace kiln::runtime
