// The one emitter of all pointwise ops.
#pragma once

#include "codegen/emitter.h"

namespace kiln::codegen {

// Ops with Traits::elementwise: their emitter follows from Op::formula.
template <class Op>
concept Pointwise = requires {
  requires Op::traits.elementwise;
};

void emit_pointwise(Emission& emission);

} // namespace kiln::codegen
