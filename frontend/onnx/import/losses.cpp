// NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss: to pick_class, behind log_softmax in the second.
// Positions of each sample become rows, so that classes are the second of two dims.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"
#include "frontend/onnx/tensors.h"
#include "ir/ops/divide.h"
#include "ir/ops/expand.h"
#include "ir/ops/log_softmax.h"
#include "ir/ops/multiply.h"
#include "ir/ops/negate.h"
#include "ir/ops/pick_class.h"
#include "ir/ops/reduce_mean.h"
#include "ir/ops/reduce_sum.h"
#include "ir/ops/reshape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {
namespace {

// [N, C, d1, d2, ...] as [N, C, positions].
ir::Value& with_positions(NodeImport& node, ir::Value& tensor, const ir::Dims& dims) {
  return node.reshape(tensor, {dims[0], dims[1], product(dims, 2, dims.size())});
}

// Of logarithms of probabilities, f32[N,C,positions].
void finish(NodeImport& node, ir::Value& logarithms) {
  node.expect_inputs(2, 3);
  const ir::Dims& dims = node.dims();
  ir::Dims label_dims = dims;
  label_dims.erase(label_dims.begin() + 1);
  if (node.dims(1) != label_dims)
    refuse_invalid(
        fmt::format("its labels are [{}], its input [{}]", fmt::join(node.dims(1), ","), fmt::join(dims, ",")));
  const int64_t classes = dims[1];
  const int64_t count = count_elements(label_dims);
  ir::PickClass::Attributes pick;
  pick.ignores = node.has_attribute("ignore_index");
  if (pick.ignores) pick.ignored_label = node.integer("ignore_index", 0);
  const std::string reduction = node.text("reduction", "mean");
  if (reduction != "mean" && reduction != "sum" && reduction != "none")
    refuse_invalid(fmt::format("its reduction is \"{}\", expected mean, sum or none", reduction));

  ir::Value& labels = node.reshape(node.labels(1), {count});
  ir::Value& rows = node.reshape(transpose(node, logarithms, {0, 2, 1}), {count, classes});
  ir::Value* loss = &node.create<ir::Negate>({}, {&node.create<ir::PickClass>(pick, {&rows, &labels})});
  // The weight of each row, 0 where its label is ignored. A mean is over the weights' sum.
  ir::Value* weight = nullptr;
  if (node.has_input(2)) {
    if (node.dims(2) != ir::Dims{classes})
      refuse_invalid(fmt::format("its weights are [{}], for {} classes", fmt::join(node.dims(2), ","), classes));
    ir::Value& weights = node.reshape(node.input(2), {1, classes});
    ir::Value& all = node.create<ir::Expand>({.dims = {count, classes}}, {&weights});
    weight = &node.create<ir::PickClass>(pick, {&all, &labels});
    loss = &node.create<ir::Multiply>({}, {loss, weight});
  } else if (pick.ignores && reduction == "mean") {
    ir::Value& one = node.constant_tensor({1, 1}, {1}, "one");
    ir::Value& all = node.create<ir::Expand>({.dims = {count, classes}}, {&one});
    weight = &node.create<ir::PickClass>(pick, {&all, &labels});
  }
  if (reduction == "none") return node.output(0, node.reshape(*loss, label_dims), label_dims);
  if (reduction == "mean" && weight == nullptr) return node.output(0, node.create<ir::ReduceMean>({}, {loss}), {});
  ir::Value& sum = node.create<ir::ReduceSum>({}, {loss});
  if (reduction == "sum") return node.output(0, sum, {});
  ir::Value& divisor = node.create<ir::ReduceSum>({}, {weight});
  node.output(0, node.create<ir::Divide>({}, {&sum, &divisor}), {});
}

void expect_classes(const NodeImport& node) {
  if (node.dims().size() < 2)
    refuse_invalid(fmt::format("its input is [{}]: it must have samples and classes", fmt::join(node.dims(), ",")));
}

} // namespace

void import_negative_log_likelihood_loss(NodeImport& node) {
  expect_classes(node);
  finish(node, with_positions(node, node.input(), node.dims()));
}

void import_softmax_cross_entropy_loss(NodeImport& node) {
  expect_classes(node);
  const ir::Dims& dims = node.dims();
  ir::Value& logarithms = node.create<ir::LogSoftmax>({.axis = 1}, {&with_positions(node, node.input(), dims)});
  finish(node, logarithms);
  if (node.has_output(1)) node.output(1, node.reshape(logarithms, dims), dims);
}

} // namespace kiln::frontend::onnx
