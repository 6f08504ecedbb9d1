// Growing arithmetic: of one value kept where it is defined, of two that stretch to one shape, sums over axes, moves.
#include "ir/all_ops.h"
#include "tests/support/grow_layers.h"
#include "tests/support/growth.h"

#include <algorithm>
#include <cmath>

namespace kiln::test {

namespace {

// Between bounds, so that what follows is defined and not too large.
ir::Value& bounded(Growth& net, ir::Value& src, double least, double most) {
  return net.node<ir::Clip>({least, most}, {&src}, "bounded").result();
}

template <class Op> bool of_bounded(Growth& net, std::string_view name, double least, double most, double size) {
  ir::Value& src = net.any();
  net.layer(name);
  net.feature(net.node<Op>({}, {&bounded(net, src, least, most)}).result(), size);
  return true;
}

template <class Op> bool of_one(Growth& net, std::string_view name) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  net.layer(name);
  net.feature(net.node<Op>({}, {&src}).result(), size);
  return true;
}

// What stretches to a value's dims: a value of the same ones (at times itself), a parameter a channel, or a gate made
// of the value's own means. Called within a layer.
ir::Value& stretching(Growth& net, ir::Value& value) {
  const bool image = value.type.rank() == 4;
  if (net.choose.chance(0.25))
    return net.parameter("operand", image ? ir::Dims{channels(value), 1, 1} : ir::Dims{channels(value)}, 0.25, 1);
  if (image && net.choose.chance(0.3)) return net.node<ir::ReduceMean>({{2, 3}, true}, {&value}, "means").result();
  return *net.alike(value);
}

template <class Op> bool of_two(Growth& net, std::string_view name, bool multiplies) {
  ir::Value& a = net.any();
  const double size = net.size(a);
  net.layer(name);
  ir::Value& b = stretching(net, a);
  const double other = net.knows(b) ? net.size(b) : size;
  net.feature(net.node<Op>({}, {&a, &b}).result(),
              multiplies ? size + std::max(other, 0.0) : std::max(size, other) + 1);
  return true;
}

ir::ReduceAttributes random_axes(Growth& net, const ir::Value& src) {
  if (src.type.rank() == 2) return {{1}, true};
  return net.choose.one_of<ir::ReduceAttributes>({{{2, 3}, false}, {{2, 3}, true}, {{1}, true}, {{3}, true}});
}

} // namespace

bool grow_negate(Growth& net) { return of_one<ir::Negate>(net, "negate"); }
bool grow_abs(Growth& net) { return of_one<ir::Abs>(net, "abs"); }
bool grow_exp(Growth& net) { return of_bounded<ir::Exp>(net, "exp", -4, 1.5, 2); }
bool grow_log(Growth& net) { return of_bounded<ir::Log>(net, "log", 0.25, 8, 1); }
bool grow_sqrt(Growth& net) { return of_bounded<ir::Sqrt>(net, "sqrt", 0.25, 8, 1); }
bool grow_reciprocal(Growth& net) { return of_bounded<ir::Reciprocal>(net, "reciprocal", 0.25, 8, 2); }

bool grow_subtract(Growth& net) { return of_two<ir::Subtract>(net, "subtract", false); }
bool grow_multiply(Growth& net) { return of_two<ir::Multiply>(net, "multiply", true); }
bool grow_maximum(Growth& net) { return of_two<ir::Maximum>(net, "maximum", false); }
bool grow_minimum(Growth& net) { return of_two<ir::Minimum>(net, "minimum", false); }

bool grow_divide(Growth& net) {
  ir::Value& a = net.any();
  const double size = net.size(a);
  net.layer("divide");
  ir::Value& b = bounded(net, stretching(net, a), 0.25, 4);
  net.feature(net.node<ir::Divide>({}, {&a, &b}).result(), size + 2);
  return true;
}

bool grow_scale(Growth& net) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  net.layer("scale");
  net.feature(net.node<ir::Scale>({}, {&src, &net.parameter("factor", {channels(src)}, 0.5, 1.5)}).result(),
              size + 0.5);
  return true;
}

bool grow_reduce_mean(Growth& net) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  const ir::ReduceAttributes axes = random_axes(net, src);
  net.layer("reduce_mean");
  net.feature(net.node<ir::ReduceMean>(axes, {&src}).result(), size);
  return true;
}

bool grow_reduce_sum(Growth& net) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  const ir::ReduceAttributes axes = random_axes(net, src);
  double count = 1;
  for (int64_t axis : axes.axes) count *= static_cast<double>(src.type.dims[static_cast<size_t>(axis)]);
  net.layer("reduce_sum");
  net.feature(net.node<ir::ReduceSum>(axes, {&src}).result(), size + std::log2(count));
  return true;
}

bool grow_expand(Growth& net) {
  ir::Value* src = net.image();
  if (src == nullptr) return false;
  const double size = net.size(*src);
  net.layer("expand");
  ir::Value& means = net.node<ir::ReduceMean>({{2, 3}, true}, {src}, "means").result();
  net.feature(net.node<ir::Expand>({src->type.dims}, {&means}).result(), size);
  return true;
}

bool grow_pad(Growth& net) {
  ir::Value* src = net.image();
  if (src == nullptr) return false;
  const double size = net.size(*src);
  ir::Pad::Attributes attributes;
  attributes.mode = net.choose.one_of({ir::PadMode::constant, ir::PadMode::reflect, ir::PadMode::edge});
  attributes.before = {0, 0, net.choose.between(-1, 2), net.choose.between(0, 2)};
  attributes.after = {0, 0, net.choose.between(0, 2), net.choose.between(-1, 2)};
  if (attributes.mode == ir::PadMode::constant) {
    attributes.before[1] = net.choose.below(3);
    attributes.value = net.choose.one_of({0.0, 1.0});
  }
  for (size_t dim = 2; dim < 4; ++dim) // neither beyond what there is to reflect, nor away with all
    for (ir::Dims* side : {&attributes.before, &attributes.after})
      (*side)[dim] = std::min((*side)[dim], src->type.dims[dim] - 1);
  for (size_t dim = 2; dim < 4; ++dim)
    if (attributes.before[dim] + src->type.dims[dim] + attributes.after[dim] < 1) return false;
  net.layer("pad");
  net.feature(net.node<ir::Pad>(attributes, {src}).result(), std::max(size, 0.0));
  return true;
}

bool grow_transpose(Growth& net) {
  ir::Value* src = net.image();
  if (src == nullptr) return false;
  const double size = net.size(*src);
  const auto order = net.choose.one_of<ir::Dims>({{0, 1, 3, 2}, {0, 2, 1, 3}, {0, 3, 2, 1}, {0, 2, 3, 1}});
  net.layer("transpose");
  net.feature(net.node<ir::Transpose>({order}, {src}).result(), size);
  return true;
}

} // namespace kiln::test
