// How often operator new was called in this test program, to prove that a loop does not allocate.
#pragma once

#include <cstdint>

namespace kiln::runtime::testing {

int64_t allocation_count();

} // namespace kiln::runtime::testing
