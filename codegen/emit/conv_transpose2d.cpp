// Transposed convolution.
#include "ir/ops/conv_transpose2d.h"

#include "codegen/emit/transposed_gather.h"

namespace kiln::codegen {

template <> void emit<ir::ConvTranspose2d>(Emission& emission) {
  const auto& attributes = emission.node().attributes<ir::ConvTranspose2d>();
  std::vector<BufferRef> operands;
  for (size_t i = 0; i < emission.node().operands().size(); ++i) operands.push_back(emission.operand(i));
  operands.push_back(emission.result());
  emit_transposed(emission, "forward",
                  {attributes, emission.operand_type(1).dims, emission.operand_type(0).dims, attributes.dst_size,
                   attributes.epilogue},
                  operands);
}

} // namespace kiln::codegen
