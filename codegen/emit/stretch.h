// Pointwise formulas over operands that stretch to the result (ir/ops/stretch.h).
#pragma once

#include "codegen/emitter.h"

#include <functional>
#include <vector>

namespace kiln::codegen {

// dst = formula(operands), in one launch. `keeps_zero`: the formula of zeros is zero.
void launch_stretched(Emission& emission, bool keeps_zero, std::function<F32(const std::vector<F32>&)> formula);

} // namespace kiln::codegen
