// LRN: to lrn.
// Of a tensor of any rank: channels are the second dim.
#include "ir/ops/lrn.h"
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"

namespace kiln::frontend::onnx {

void import_lrn(NodeImport& node) {
  node.expect_inputs(1, 1);
  ir::Dims image = channel_dims(node.dims());
  image.resize(4, 1);
  if (!node.has_attribute("size")) refuse_invalid("it has no size");
  const ir::Lrn::Attributes attributes{.size = node.integer("size", 0),
                                       .alpha = node.real("alpha", 1e-4),
                                       .beta = node.real("beta", 0.75),
                                       .k = node.real("bias", 1)};
  ir::Value& result = node.create<ir::Lrn>(attributes, {&node.reshape(node.input(), image)});
  node.output(0, node.reshape(result, node.dims()), node.dims());
}

} // namespace kiln::frontend::onnx
