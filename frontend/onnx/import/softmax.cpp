// Softmax, LogSoftmax: to the op of the name.
// Until version 12 the axis cuts the tensor into rows and all of a row is one distribution; since 13 it is the axis
// over which each distribution lies.
#include "ir/ops/softmax.h"
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"
#include "ir/ops/log_softmax.h"

namespace kiln::frontend::onnx {
namespace {

template <class Op> void create_softmax(NodeImport& node) {
  node.expect_inputs(1, 1);
  const ir::Dims& dims = node.dims();
  if (dims.empty()) refuse_invalid("its input is a scalar");
  const auto axis = static_cast<size_t>(axis_of(node.integer("axis", node.version < 13 ? 1 : -1), node.rank()));
  if (node.version >= 13) {
    return node.output(0, node.create<Op>({.axis = static_cast<int64_t>(axis)}, {&node.input()}), dims);
  }
  const ir::Dims rows{product(dims, 0, axis), product(dims, axis, dims.size())};
  ir::Value& result = node.create<Op>({.axis = 1}, {&node.reshape(node.input(), rows)});
  node.output(0, node.reshape(result, dims), dims);
}

} // namespace

void import_softmax(NodeImport& node) { create_softmax<ir::Softmax>(node); }
void import_log_softmax(NodeImport& node) { create_softmax<ir::LogSoftmax>(node); }

} // namespace kiln::frontend::onnx
