// The number of each op, in the order of ops.def. Apart from op.h, so that a new op compiles anew only what switches
// over all of them.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

enum class OpCode : uint16_t {
#define OP(Struct, name) name,
#include "ir/ops.def"
#undef OP
};

} // namespace kiln::ir
