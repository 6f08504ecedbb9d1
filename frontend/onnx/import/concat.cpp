// Concat: to concat, or computed here when it joins parts of a shape.
// One input alone is its own result.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/known_values.h"
#include "frontend/onnx/node_import.h"
#include "frontend/onnx/tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {

void import_concat(NodeImport& node) {
  if (node.input_count() == 0) refuse_invalid("it has no input");
  if (node.version >= 4 && !node.has_attribute("axis")) refuse_invalid("it has no axis");
  const auto axis = static_cast<size_t>(axis_of(node.integer("axis", 1), node.rank()));
  ir::Dims dims = node.dims();
  bool is_known = node.is_known(0);
  for (size_t i = 1; i < node.input_count(); ++i) {
    ir::Dims wanted = node.dims();
    if (node.rank(i) == node.rank()) wanted[axis] = node.dims(i)[axis];
    if (node.dims(i) != wanted)
      refuse_invalid(fmt::format("its inputs are [{}] and [{}], which do not fit along axis {}",
                                 fmt::join(node.dims(), ","), fmt::join(node.dims(i), ","), axis));
    dims[axis] += node.dims(i)[axis];
    is_known = is_known && node.is_known(i);
  }
  if (is_known && is_integer(node.type())) {
    Constant result{node.type(), dims, {}, {}};
    const int64_t outer = product(dims, 0, axis);
    for (int64_t o = 0; o < outer; ++o)
      for (size_t i = 0; i < node.input_count(); ++i) {
        const std::vector<int64_t> values = node.integers(i, "inputs");
        const auto run = static_cast<int64_t>(values.size()) / outer;
        result.integers.insert(result.integers.end(), values.begin() + o * run, values.begin() + (o + 1) * run);
      }
    return node.output(0, std::move(result));
  }
  if (node.input_count() == 1) return node.output_alias(dims);
  std::vector<ir::Value*> operands;
  for (size_t i = 0; i < node.input_count(); ++i) operands.push_back(&node.input(i));
  node.output(concat(node, operands, static_cast<int64_t>(axis)));
}

} // namespace kiln::frontend::onnx
