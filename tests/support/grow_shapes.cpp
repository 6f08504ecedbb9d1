// Growing layers that slide windows, work on rows, or only move values.
#include "ir/all_ops.h"
#include "tests/support/grow_layers.h"
#include "tests/support/growth.h"

#include <algorithm>

namespace kiln::test {

namespace {

void random_pool(Choices& choose, const ir::Value& src, ir::PoolWindow& window) {
  const bool global = choose.chance(0.2);
  for (size_t axis = 0; axis < 2; ++axis) {
    const int64_t input = src.type.dims[2 + axis];
    window.kernel[axis] = global ? input : std::min(choose.between(1, 3), input);
    window.stride[axis] = choose.between(1, 3);
    if (!global && choose.chance(0.1) && 2 * window.kernel[axis] - 1 <= input) window.dilation[axis] = 2;
    for (size_t side : {axis, axis + 2})
      window.pad[side] = global ? 0 : std::min(choose.below(2), window.kernel[axis] - 1);
  }
  window.rounding = choose.chance(0.4) ? ir::Rounding::ceil : ir::Rounding::floor;
}

} // namespace

bool grow_max_pool(Growth& net) {
  ir::Value* src = net.image();
  if (src == nullptr) return false;
  const double size = net.size(*src);
  ir::MaxPool::Attributes attributes;
  random_pool(net.choose, *src, attributes);
  net.layer("max_pool");
  net.feature(net.node<ir::MaxPool>(attributes, {src}).result(), size);
  return true;
}

bool grow_average_pool(Growth& net) {
  ir::Value* src = net.image();
  if (src == nullptr) return false;
  const double size = net.size(*src);
  ir::AveragePool::Attributes attributes;
  random_pool(net.choose, *src, attributes);
  attributes.count_include_pad = net.choose.chance(0.5);
  net.layer("average_pool");
  net.feature(net.node<ir::AveragePool>(attributes, {src}).result(), size);
  return true;
}

bool grow_lrn(Growth& net) {
  ir::Value* src = net.image();
  if (src == nullptr) return false;
  const double size = net.size(*src);
  const int64_t neighbours = net.choose.one_of({1, 2, 3, 4, 5, 9});
  const ir::Lrn::Attributes attributes{neighbours, net.choose.one_of({1e-4, 0.5, 2.0}),
                                       net.choose.one_of({0.5, 0.75, 1.0}), net.choose.one_of({1.0, 2.0})};
  net.layer("lrn");
  net.feature(net.node<ir::Lrn>(attributes, {src}).result(), size);
  return true;
}

bool grow_resize(Growth& net) {
  ir::Value* src = net.image();
  if (src == nullptr) return false;
  const double size = net.size(*src);
  ir::Resize::Attributes attributes;
  attributes.mode = net.choose.chance(0.5) ? ir::ResizeMode::bilinear : ir::ResizeMode::nearest;
  for (size_t axis = 0; axis < 2; ++axis) {
    const int64_t input = src->type.dims[2 + axis];
    const int64_t output = net.choose.between(1, std::min<int64_t>(2 * input + 1, 20));
    attributes.size[axis] = output;
    auto& line = axis == 0 ? attributes.rows : attributes.columns;
    line = {2 * input, input - output, 2 * output}; // half a pixel off
    if (net.choose.chance(0.3)) line = {input, 0, output};
    if (net.choose.chance(0.3)) line = {input - 1, 0, std::max<int64_t>(output - 1, 1)};
  }
  net.layer("resize");
  net.feature(net.node<ir::Resize>(attributes, {src}).result(), size);
  return true;
}

bool grow_softmax(Growth& net) {
  ir::Value* src = net.rows();
  if (src == nullptr) return false;
  net.layer("softmax");
  net.feature(net.node<ir::Softmax>({}, {src}).result(), 0);
  return true;
}

bool grow_log_softmax(Growth& net) {
  ir::Value* src = net.rows();
  if (src == nullptr) return false;
  const double size = net.size(*src);
  net.layer("log_softmax");
  net.feature(net.node<ir::LogSoftmax>({}, {src}).result(), std::max(size, 2.0));
  return true;
}

bool grow_reshape(Growth& net) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  const ir::Dims& dims = src.type.dims;
  net.layer("reshape");
  ir::Dims wanted = {dims[0], channels(src) * pixels(src)};
  if (dims.size() == 2 || net.choose.chance(0.5)) {
    // Back to an image: the channels are some divisor of all values.
    std::vector<int64_t> divisors;
    for (int64_t d = 1; d <= std::min<int64_t>(wanted[1], 40); ++d)
      if (wanted[1] % d == 0) divisors.push_back(d);
    const int64_t c = divisors[static_cast<size_t>(net.choose.below(static_cast<int64_t>(divisors.size())))];
    int64_t rows = 1;
    for (int64_t r : {2, 3, 5, 7})
      if (wanted[1] / c % r == 0 && net.choose.chance(0.5)) rows = r;
    wanted = {dims[0], c, rows, wanted[1] / c / rows};
  }
  net.feature(net.node<ir::Reshape>({wanted}, {&src}).result(), size);
  return true;
}

bool grow_concat(Growth& net) {
  std::vector<ir::Value*> operands = {&net.any()};
  const ir::Dims& dims = operands[0]->type.dims;
  double size = net.size(*operands[0]);
  int64_t sum = channels(*operands[0]);
  for (int64_t more = net.choose.between(1, 3); more > 0; --more) {
    ir::Value* next = net.pick([&](const ir::Value& other) {
      ir::Dims expected = dims;
      expected[1] = channels(other);
      return other.type.dims == expected;
    });
    if (sum + channels(*next) > 80) break;
    sum += channels(*next);
    size = std::max(size, net.size(*next));
    operands.push_back(next);
  }
  if (operands.size() < 2) return false;
  net.layer("concat");
  net.feature(net.node<ir::Concat>({}, std::move(operands)).result(), size);
  return true;
}

bool grow_slice(Growth& net) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  ir::Slice::Attributes attributes;
  attributes.axis = src.type.rank() == 4 ? net.choose.one_of<int64_t>({1, 1, 2, 3}) : 1;
  const int64_t count = src.type.dims[static_cast<size_t>(attributes.axis)];
  attributes.begin = net.choose.below(count);
  attributes.step = net.choose.one_of<int64_t>({1, 1, 2, 3});
  attributes.count = net.choose.between(1, (count - attributes.begin - 1) / attributes.step + 1);
  net.layer("slice");
  net.feature(net.node<ir::Slice>(attributes, {&src}).result(), size);
  return true;
}

} // namespace kiln::test
