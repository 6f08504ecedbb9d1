// Growing pointwise layers: activations, random ones, joins of two values of one shape.
#include "ir/all_ops.h"
#include "tests/support/grow_layers.h"
#include "tests/support/growth.h"

#include <algorithm>

namespace kiln::test {

namespace {

template <class Op> bool activation(Growth& net, std::string_view name, typename Op::Attributes attributes) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  net.layer(name);
  net.feature(net.node<Op>(std::move(attributes), {&src}).result(), size);
  return true;
}

// What a value is joined with: another one of its type, at times itself, or what an activation makes of it.
ir::Value& partner(Growth& net, ir::Value& value) {
  ir::Value& other = *net.alike(value);
  if (&other != &value || net.choose.chance(0.2)) return other;
  const double size = net.size(value);
  net.layer("side");
  return net.feature(net.node<ir::Tanh>({}, {&value}).result(), std::min(size, 0.0));
}

} // namespace

bool grow_relu(Growth& net) { return activation<ir::Relu>(net, "relu", {}); }
bool grow_leaky_relu(Growth& net) {
  return activation<ir::LeakyRelu>(net, "leaky_relu", {net.choose.one_of({0.01, 0.1, 0.25})});
}
bool grow_elu(Growth& net) { return activation<ir::Elu>(net, "elu", {net.choose.one_of({0.5, 1.0})}); }
bool grow_sigmoid(Growth& net) { return activation<ir::Sigmoid>(net, "sigmoid", {}); }
bool grow_tanh(Growth& net) { return activation<ir::Tanh>(net, "tanh", {}); }
bool grow_clip(Growth& net) {
  return activation<ir::Clip>(net, "clip", {net.choose.one_of({-1.0, 0.0}), net.choose.one_of({1.0, 6.0})});
}
bool grow_selu(Growth& net) { return activation<ir::Selu>(net, "selu", {}); }
bool grow_gelu(Growth& net) { return activation<ir::Gelu>(net, "gelu", {}); }
bool grow_silu(Growth& net) { return activation<ir::Silu>(net, "silu", {}); }
bool grow_hard_swish(Growth& net) { return activation<ir::HardSwish>(net, "hard_swish", {}); }
bool grow_hard_sigmoid(Growth& net) {
  return net.choose.chance(0.5) ? activation<ir::HardSigmoid>(net, "hard_sigmoid", {})
                                : activation<ir::HardSigmoid>(net, "hard_sigmoid", {0.2, 0.5});
}
bool grow_softplus(Growth& net) { return activation<ir::Softplus>(net, "softplus", {}); }

bool grow_rrelu(Growth& net) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  net.layer("rrelu");
  ir::Rrelu::Attributes attributes;
  if (net.choose.chance(0.5)) attributes = {0.125, 0.25, ir::RreluMode::uniform, {}};
  attributes.stream = net.stream();
  net.feature(net.node<ir::Rrelu>(attributes, {&src}).result(), size);
  return true;
}

bool grow_dropout(Growth& net) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  net.layer("dropout");
  const ir::Dropout::Attributes attributes{net.choose.one_of({0.25, 0.5}), net.stream(), net.choose.chance(0.3)};
  net.feature(net.node<ir::Dropout>(attributes, {&src}).result(), size + 1);
  return true;
}

bool grow_add(Growth& net) {
  ir::Value& a = net.any();
  ir::Value& b = partner(net, a);
  const double size = std::max(net.size(a), net.size(b)) + 1;
  net.layer("add");
  net.feature(net.node<ir::Add>({}, {&a, &b}).result(), size);
  return true;
}

} // namespace kiln::test
