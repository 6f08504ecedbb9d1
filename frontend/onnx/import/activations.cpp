// Activations of one operand: each to the op of its name.
// Defaults are ONNX's.
#include "frontend/onnx/node_import.h"
#include "ir/ops/elu.h"
#include "ir/ops/gelu.h"
#include "ir/ops/hard_sigmoid.h"
#include "ir/ops/hard_swish.h"
#include "ir/ops/leaky_relu.h"
#include "ir/ops/relu.h"
#include "ir/ops/selu.h"
#include "ir/ops/sigmoid.h"
#include "ir/ops/softplus.h"
#include "ir/ops/tanh.h"

#include <cmath>

namespace kiln::frontend::onnx {
namespace {

template <class Op> void create_pointwise(NodeImport& node, typename Op::Attributes attributes = {}) {
  node.expect_inputs(1, 1);
  node.output(0, node.create<Op>(std::move(attributes), {&node.input()}), node.dims());
}

} // namespace

void import_relu(NodeImport& node) { create_pointwise<ir::Relu>(node); }
void import_leaky_relu(NodeImport& node) { create_pointwise<ir::LeakyRelu>(node, {.slope = node.real("alpha", 0.01)}); }
void import_elu(NodeImport& node) { create_pointwise<ir::Elu>(node, {.alpha = node.real("alpha", 1)}); }
void import_sigmoid(NodeImport& node) { create_pointwise<ir::Sigmoid>(node); }
void import_tanh(NodeImport& node) { create_pointwise<ir::Tanh>(node); }
void import_hard_swish(NodeImport& node) { create_pointwise<ir::HardSwish>(node); }
void import_softplus(NodeImport& node) { create_pointwise<ir::Softplus>(node); }
void import_hard_sigmoid(NodeImport& node) {
  create_pointwise<ir::HardSigmoid>(node, {.alpha = node.real("alpha", 0.2), .beta = node.real("beta", 0.5)});
}

void import_selu(NodeImport& node) {
  const double alpha = node.real("alpha", ir::kSeluAlpha);
  const double gamma = node.real("gamma", ir::kSeluScale);
  // The first versions gave four digits.
  constexpr double rounded = 1e-4;
  if (std::abs(alpha - ir::kSeluAlpha) < rounded && std::abs(gamma - ir::kSeluScale) < rounded)
    return create_pointwise<ir::Selu>(node);
  node.expect_inputs(1, 1);
  ir::Value& result = node.create<ir::Elu>({.alpha = alpha}, {&node.input()});
  node.output(0, node.scale(result, gamma), node.dims());
}

void import_gelu(NodeImport& node) {
  if (node.text("approximate", "none") != "none") refuse_unsupported("its approximate is tanh");
  create_pointwise<ir::Gelu>(node);
}

} // namespace kiln::frontend::onnx
