// A square of values in registers, turned: what transposing kernels do with a tile.
#pragma once

#include "codegen/values.h"

#include <vector>

namespace kiln::codegen {

// Lane j of vector i becomes lane i of vector j. As many vectors as lanes, a power of two; shuffles alone.
std::vector<F32> transposed(std::vector<F32> rows);

} // namespace kiln::codegen
