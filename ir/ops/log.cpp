// Log: the natural logarithm.
// Its gradient rule.
#include "ir/ops/log.h"

#include "ir/ops/divide.h"

namespace kiln::ir {

void Log::gradient(GradientBuilder& builder, const Node& node) {
  builder.set_operand_gradient(0,
                               builder.create<Divide>({}, {builder.result_gradient(), &node.operand(0)}, "backward"));
}

} // namespace kiln::ir
