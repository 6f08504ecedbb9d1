// BatchNormalization: to batch_norm_inference, with the statistics that it is given.
// Until version 14 a model said by the number of its outputs, before that by is_test, whether it was training.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"
#include "ir/ops/batch_norm_inference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {

void import_batch_normalization(NodeImport& node) {
  node.expect_inputs(5, 5);
  const ir::Dims image = channel_dims(node.dims());
  const double epsilon = node.real("epsilon", 1e-5);
  node.ignore("momentum"); // of the running statistics, which only training changes
  if (node.version < 9 && node.integer("spatial", 1) == 0 && node.rank() > 2)
    refuse_unsupported("it has spatial 0: statistics for each position");
  if (node.version < 7 && node.integer("is_test", 0) == 0)
    refuse_unsupported("it has is_test 0: it trains", "export the model for inference");
  if (node.version >= 14 && node.integer("training_mode", 0) != 0)
    refuse_unsupported("it has training_mode 1: it trains", "export the model for inference");
  for (size_t i = 1; i < 5; ++i)
    if (node.dims(i) != ir::Dims{image[1]})
      refuse_invalid(fmt::format("its input {} has shape [{}], its first input has {} channels", i,
                                 fmt::join(node.dims(i), ","), image[1]));
  ir::Value& result =
      node.create<ir::BatchNormInference>({.epsilon = epsilon}, {&node.reshape(node.input(), image), &node.statistic(3),
                                                                 &node.statistic(4), &node.input(1), &node.input(2)});
  node.output(0, node.reshape(result, node.dims()), node.dims());
}

} // namespace kiln::frontend::onnx
