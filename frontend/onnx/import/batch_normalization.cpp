// BatchNormalization: to batch_norm_inference, with the statistics that it is given, or in training to batch_norm.
// Until version 13 a model said by the number of its outputs, and before that by is_test, whether it was training.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"
#include "ir/ops/add.h"
#include "ir/ops/batch_norm.h"
#include "ir/ops/batch_norm_inference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {
namespace {

// Of the batch, with new running statistics beside it: momentum is the share of the old ones that is kept.
void import_training(NodeImport& node, ir::Value& image, double epsilon, double momentum) {
  ir::Node& norm =
      node.create_node<ir::BatchNorm>({.epsilon = epsilon, .epilogue = {}}, {&image, &node.input(1), &node.input(2)});
  node.output(0, node.reshape(norm.result(0), node.dims()), node.dims());
  for (size_t i = 1; i < 3; ++i) {
    ir::Value& kept = node.scale(node.input(i + 2), momentum);
    ir::Value& added = node.scale(norm.result(i), 1 - momentum);
    node.output(i, node.create<ir::Add>({}, {&kept, &added}), node.dims(1));
  }
}

} // namespace

void import_batch_normalization(NodeImport& node) {
  node.expect_inputs(5, 5);
  const ir::Dims image_dims = channel_dims(node.dims());
  const double epsilon = node.real("epsilon", 1e-5);
  const double momentum = node.real("momentum", 0.9);
  if (node.version < 9 && node.integer("spatial", 1) == 0 && node.rank() > 2)
    refuse_unsupported("it has spatial 0: statistics for each position");
  if (node.version < 7 && node.integer("is_test", 0) == 0)
    refuse_unsupported("it has is_test 0: it trains", "export the model for inference");
  for (size_t i = 1; i < 5; ++i)
    if (node.dims(i) != ir::Dims{image_dims[1]})
      refuse_invalid(fmt::format("its input {} has shape [{}], its first input has {} channels", i,
                                 fmt::join(node.dims(i), ","), image_dims[1]));
  ir::Value& image = node.reshape(node.input(), image_dims);
  if (node.version >= 14 && node.integer("training_mode", 0) != 0)
    return import_training(node, image, epsilon, momentum);
  ir::Value& result = node.create<ir::BatchNormInference>(
      {.epsilon = epsilon, .epilogue = {}},
      {&image, &node.statistic(3), &node.statistic(4), &node.input(1), &node.input(2)});
  node.output(0, node.reshape(result, node.dims()), node.dims());
}

} // namespace kiln::frontend::onnx
