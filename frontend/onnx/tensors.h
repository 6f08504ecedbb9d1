// Moving elements of tensors about: the IR's slice, concat and transpose, left out where they would change nothing.
#pragma once

#include <vector>

#include "frontend/onnx/node_import.h"

namespace kiln::frontend::onnx {

// dst's dim i is src's dim order[i].
ir::Value& transpose(NodeImport& node, ir::Value& src, const ir::Dims& order);
// Elements begin, begin + step, ... of a dim, `count` of them; step may be negative.
ir::Value& slice(NodeImport& node, ir::Value& src, int64_t axis, int64_t begin, int64_t count, int64_t step = 1);
// At least one.
ir::Value& concat(NodeImport& node, const std::vector<ir::Value*>& parts, int64_t axis);

} // namespace kiln::frontend::onnx
