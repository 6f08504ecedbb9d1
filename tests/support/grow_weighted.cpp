// Growing layers with states: convolution, forwards and transposed, dense, bias, batch norm, prelu.
#include "ir/all_ops.h"
#include "tests/support/grow_layers.h"
#include "tests/support/growth.h"

#include <algorithm>

namespace kiln::test {

namespace {

// Multiply-adds a sample: the reference takes several nanoseconds for each, many times over.
constexpr int64_t kMostWork = 200'000;

int64_t channel_count(Choices& choose) { return choose.one_of<int64_t>({1, 3, 5, 8, 16, 17, 20, 32, 33}); }

ir::Conv2d::Attributes window(Choices& choose, ir::Size2 kernel) {
  ir::Conv2d::Attributes window;
  for (size_t axis = 0; axis < 2; ++axis) {
    window.stride[axis] = choose.one_of({1, 1, 1, 2, 2, 3});
    window.dilation[axis] = choose.one_of({1, 1, 1, 1, 2});
  }
  const bool symmetric = choose.chance(0.6);
  const int64_t pad = choose.below(3);
  for (size_t side = 0; side < 4; ++side)
    window.pad[side] = std::min(symmetric ? pad : choose.below(3), kernel[side % 2] - 1);
  return window;
}

// Where the window fits, and what it makes is not too much to compute.
bool fits(const ir::Conv2d::Attributes& attributes, const ir::Value& src, const ir::Dims& weights) {
  try {
    const ir::Operands operands{};
    const std::vector<ir::TensorType> types = {src.type, {ir::DType::f32, weights, {}}};
    const ir::Dims dst = ir::Conv2d::infer(attributes, types)[0].dims;
    return dst[1] * dst[2] * dst[3] * weights[1] * weights[2] * weights[3] <= kMostWork;
  } catch (const ir::TypeError&) {
    return false;
  }
}

struct Convolution {
  ir::Conv2d::Attributes attributes;
  ir::Dims weights;
};

Convolution random_convolution(Choices& choose, int64_t source_channels) {
  Convolution made;
  const ir::Size2 kernel = {choose.one_of({1, 1, 2, 3, 3, 5}), choose.one_of({1, 1, 2, 3, 3, 5})};
  made.attributes = window(choose, kernel);
  int64_t group = 1;
  if (choose.chance(0.2)) group = source_channels; // depthwise
  if (choose.chance(0.15))
    for (int64_t divisor : {2, 3, 4, 5})
      if (source_channels % divisor == 0) group = divisor;
  made.attributes.group = group;
  int64_t count = channel_count(choose);
  if (group > 1) count = group == source_channels ? group * choose.one_of({1, 1, 2}) : group * choose.between(1, 16);
  made.weights = {count, source_channels / group, kernel[0], kernel[1]};
  return made;
}

ir::Value& with_bias(Growth& net, ir::Value& value) {
  return net.node<ir::Bias>({}, {&value, &net.parameter("bias", {channels(value)}, -0.5, 0.5)}).result();
}

// Weights that a layer of other operands already has.
ir::Value* shared_weights(Growth& net, const ir::Value& src) {
  for (ir::State* state : net.states()) {
    const ir::Dims& dims = state->value.type.dims;
    if (state->value.type.rank() == src.type.rank() && dims[1] == channels(src) &&
        state->role == ir::StateRole::parameter)
      return &state->value;
  }
  return nullptr;
}

} // namespace

bool grow_conv2d(Growth& net) {
  ir::Value* src = net.image();
  if (src == nullptr) return false;
  ir::Value* weights = net.choose.chance(0.15) ? shared_weights(net, *src) : nullptr;
  for (int tries = 0; tries < 6; ++tries) {
    Convolution made = random_convolution(net.choose, channels(*src));
    if (weights != nullptr) {
      made.weights = weights->type.dims;
      made.attributes.group = 1;
    }
    if (!fits(made.attributes, *src, made.weights)) continue;
    net.layer("conv");
    const int64_t fan_in = made.weights[1] * made.weights[2] * made.weights[3];
    if (weights == nullptr) weights = &net.weights(made.weights, fan_in);
    const double size = net.size(*src);
    if (net.choose.chance(0.6)) {
      net.feature(with_bias(net, net.node<ir::Conv2d>(made.attributes, {src, weights}, "conv2d").result()), size);
    } else {
      net.feature(net.node<ir::Conv2d>(made.attributes, {src, weights}).result(), size);
    }
    return true;
  }
  return false;
}

bool grow_conv_transpose2d(Growth& net) {
  ir::Value* src = net.image();
  if (src == nullptr) return false;
  const ir::Dims& dims = src->type.dims;
  for (int tries = 0; tries < 6; ++tries) {
    const Convolution made = random_convolution(net.choose, channels(*src));
    const int64_t group = made.attributes.group;
    const int64_t outputs = made.weights[0] / group;
    ir::ConvTranspose2d::Attributes attributes{made.attributes, {}, {}};
    int64_t work = channels(*src) * outputs * pixels(*src);
    bool is_left = true;
    for (size_t axis = 0; axis < 2; ++axis) {
      const int64_t kernel = made.weights[2 + axis], stride = attributes.stride[axis];
      attributes.dst_size[axis] = (dims[2 + axis] - 1) * stride + (kernel - 1) * attributes.dilation[axis] + 1 -
                                  attributes.pad[axis] - attributes.pad[axis + 2] + net.choose.below(stride);
      is_left = is_left && attributes.dst_size[axis] >= 1 && attributes.dst_size[axis] <= 24;
      work *= kernel;
    }
    if (!is_left || work > kMostWork) continue;
    net.layer("deconv");
    ir::Value& weights = net.weights({channels(*src), outputs, made.weights[2], made.weights[3]},
                                     channels(*src) / group * made.weights[2] * made.weights[3]);
    const double size = net.size(*src);
    const bool biased = net.choose.chance(0.6);
    ir::Value& result =
        net.node<ir::ConvTranspose2d>(attributes, {src, &weights}, biased ? "conv_transpose2d" : "").result();
    net.feature(biased ? with_bias(net, result) : result, size);
    return true;
  }
  return false;
}

bool grow_dense(Growth& net) {
  ir::Value* src = &net.any();
  const double size = net.size(*src);
  const int64_t inputs = channels(*src) * pixels(*src);
  const int64_t units = net.choose.one_of<int64_t>({1, 2, 3, 5, 10, 16, 17, 33});
  if (inputs * units > kMostWork / 4) return false;
  net.layer("fc");
  if (src->type.rank() == 4) src = &net.node<ir::Reshape>({{src->type.dims[0], inputs}}, {src}, "flat").result();
  ir::Value* weights = net.choose.chance(0.15) ? shared_weights(net, *src) : nullptr;
  if (weights == nullptr) weights = &net.weights({units, inputs}, inputs);
  ir::Value& result = net.node<ir::Dense>({}, {src, weights}, "dense").result();
  net.feature(net.choose.chance(0.7) ? with_bias(net, result) : result, size);
  return true;
}

bool grow_bias(Growth& net) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  net.layer("bias");
  net.feature(with_bias(net, src), size);
  return true;
}

bool grow_batch_norm(Growth& net) {
  ir::Value& src = net.any();
  // Of two values a norm makes -1 and 1 whatever they are, so that nothing but rounding passes back: four at least.
  if (pixels(src) < (net.lone ? 4 : 2)) return false;
  net.layer("norm");
  std::vector<ir::Value*> operands = {&src};
  const ir::Dims dims = {channels(src)};
  if (net.choose.chance(0.8)) {
    operands.push_back(&net.parameter("scale", dims, 0.5, 1.5));
    operands.push_back(&net.parameter("shift", dims, -0.5, 0.5));
  }
  ir::Value& mean = net.state("mean", dims, {ir::InitializerKind::uniform, -0.5, 0.5}, ir::StateRole::statistic);
  ir::Value& variance = net.state("variance", dims, {ir::InitializerKind::uniform, 0.5, 2}, ir::StateRole::statistic);
  const double epsilon = net.choose.one_of({1e-5, 1e-3});
  ir::Node& norm = net.node<ir::BatchNorm>({epsilon, {}}, std::move(operands));
  net.node<ir::UpdateRunningStatistics>(
      {.share = net.choose.one_of({0.1, 0.25}), .count = src.type.dims[0] * pixels(src)},
      {&mean, &variance, &norm.result(1), &norm.result(2)});
  net.feature(norm.result(0), 1);
  return true;
}

bool grow_prelu(Growth& net) {
  ir::Value& src = net.any();
  const double size = net.size(src);
  net.layer("prelu");
  ir::Value& slope = net.parameter("slope", {net.choose.chance(0.3) ? 1 : channels(src)}, -0.25, 0.5);
  net.feature(net.node<ir::Prelu>({}, {&src, &slope}).result(), size);
  return true;
}

} // namespace kiln::test
