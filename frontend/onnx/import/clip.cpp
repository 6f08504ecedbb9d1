// Clip: to clip, or to maximum and minimum where a bound is computed by the model.
// Bounds are attributes until version 11, then inputs.
#include "ir/ops/clip.h"
#include "frontend/onnx/node_import.h"
#include "ir/ops/maximum.h"
#include "ir/ops/minimum.h"

#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

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
    const bool is_computed = (node.has_input(1) && !node.is_known(1)) || (node.has_input(2) && !node.is_known(2));
    if (is_computed) {
      for (size_t i = 1; i < 3; ++i)
        if (node.has_input(i) && count_elements(node.dims(i)) != 1)
          refuse_invalid(fmt::format("its bound has shape [{}], expected a scalar", fmt::join(node.dims(i), ",")));
      ir::Value* result = &node.input();
      if (node.has_input(1)) result = &node.create<ir::Maximum>({}, {result, &node.input(1)});
      if (node.has_input(2)) result = &node.create<ir::Minimum>({}, {result, &node.input(2)});
      return node.output(0, *result, node.dims());
    }
    if (node.has_input(1)) attributes.min = node.number(1, "min");
    if (node.has_input(2)) attributes.max = node.number(2, "max");
  }
  node.output(0, node.create<ir::Clip>(attributes, {&node.input()}), node.dims());
}

} // namespace kiln::frontend::onnx
