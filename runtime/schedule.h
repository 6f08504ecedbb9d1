// The learning rate of a schedule at a step: the formulas of kiln_schedule in abi.h.
#pragma once

#include "runtime/abi.h"

namespace kiln::runtime {

// `step` counts optimiser steps from 0. The same bits on every CPU: libm is not asked.
double learning_rate_at(const kiln_schedule& schedule, int64_t step);

} // namespace kiln::runtime
