// Moving elements of tensors about.
// Dims are those of the IR.
#include "frontend/onnx/tensors.h"

#include <algorithm>

#include "ir/ops/concat.h"
#include "ir/ops/slice.h"
#include "ir/ops/transpose.h"

namespace kiln::frontend::onnx {

ir::Value& transpose(NodeImport& node, ir::Value& src, const ir::Dims& order) {
  if (std::is_sorted(order.begin(), order.end())) return src;
  return node.create<ir::Transpose>({.order = order}, {&src});
}

ir::Value& slice(NodeImport& node, ir::Value& src, int64_t axis, int64_t begin, int64_t count, int64_t step) {
  if (begin == 0 && step == 1 && count == src.type.dims[static_cast<size_t>(axis)]) return src;
  return node.create<ir::Slice>({.begin = begin, .count = count, .axis = axis, .step = step}, {&src});
}

ir::Value& concat(NodeImport& node, const std::vector<ir::Value*>& parts, int64_t axis) {
  if (parts.size() == 1) return *parts[0];
  return node.create<ir::Concat>({.axis = axis}, parts);
}

} // namespace kiln::frontend::onnx
