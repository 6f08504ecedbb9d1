// Clip: to clip.
// Bounds are attributes until version 11, then inputs, which must be known.
#include "ir/ops/clip.h"
#include "frontend/onnx/node_import.h"

#include <limits>

namespace kiln::frontend::onnx {

void import_clip(NodeImport& node) {
  // The bounds of ONNX's definition where one is left out: the largest floats.
  constexpr double most = std::numeric_limits<float>::max();
  ir::Clip::Attributes attributes{.min = -most, .max = most};
  if (node.version < 11) {
    node.expect_inputs(1, 1);
    attributes.min = node.real("min", attributes.min);
    attributes.max = node.real("max", attributes.max);
  } else {
    node.expect_inputs(1, 3);
    if (node.has_input(1)) attributes.min = node.number(1, "min");
    if (node.has_input(2)) attributes.max = node.number(2, "max");
  }
  node.output(0, node.create<ir::Clip>(attributes, {&node.input()}), node.dims());
}

} // namespace kiln::frontend::onnx
