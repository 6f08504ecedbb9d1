// Gradient of a convolution's source.
#include "codegen/emit/transposed_gather.h"
#include "ir/ops/conv2d.h"

namespace kiln::codegen {

template <> void emit<ir::Conv2dBackwardData>(Emission& emission) {
  const auto& attributes = emission.node().attributes<ir::Conv2dBackwardData>();
  emit_transposed(emission, "backward_data",
                  {attributes, emission.operand_type(0).dims, emission.operand_type(1).dims, attributes.src_size, {}},
                  {emission.operand(1), emission.operand(0), emission.result()});
}

} // namespace kiln::codegen
