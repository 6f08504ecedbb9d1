// The table of what can grow, and growing a network's functions.
#include "tests/support/random_network.h"

#include "ir/all_ops.h"
#include "ir/text.h"
#include "tests/support/grow_layers.h"
#include "tests/support/growth.h"

#include <array>
#include <cmath>
#include <fmt/format.h>

namespace kiln::test {

namespace {

constexpr Production kProductions[] = {
    {"conv2d", 30, grow_conv2d},
    {"conv_transpose2d", 6, grow_conv_transpose2d},
    {"dense", 8, grow_dense},
    {"bias", 3, grow_bias},
    {"batch_norm", 10, grow_batch_norm},
    {"prelu", 4, grow_prelu},
    {"relu", 8, grow_relu},
    {"leaky_relu", 3, grow_leaky_relu},
    {"elu", 2, grow_elu},
    {"sigmoid", 3, grow_sigmoid},
    {"tanh", 3, grow_tanh},
    {"clip", 3, grow_clip},
    {"selu", 2, grow_selu},
    {"gelu", 2, grow_gelu},
    {"silu", 2, grow_silu},
    {"hard_swish", 2, grow_hard_swish},
    {"hard_sigmoid", 2, grow_hard_sigmoid},
    {"softplus", 2, grow_softplus},
    {"rrelu", 3, grow_rrelu},
    {"dropout", 4, grow_dropout},
    {"add", 10, grow_add},
    {"max_pool", 7, grow_max_pool},
    {"average_pool", 7, grow_average_pool},
    {"lrn", 4, grow_lrn},
    {"resize", 5, grow_resize},
    {"softmax", 2, grow_softmax},
    {"log_softmax", 2, grow_log_softmax},
    {"reshape", 4, grow_reshape},
    {"concat", 8, grow_concat},
    {"slice", 6, grow_slice},
    {"negate", 1, grow_negate},
    {"abs", 1, grow_abs},
    {"exp", 1, grow_exp},
    {"log", 1, grow_log},
    {"sqrt", 1, grow_sqrt},
    {"reciprocal", 1, grow_reciprocal},
    {"subtract", 3, grow_subtract},
    {"multiply", 6, grow_multiply},
    {"maximum", 3, grow_maximum},
    {"minimum", 3, grow_minimum},
    {"divide", 3, grow_divide},
    {"scale", 4, grow_scale},
    {"reduce_mean", 4, grow_reduce_mean},
    {"reduce_sum", 4, grow_reduce_sum},
    {"expand", 3, grow_expand},
    {"pad", 4, grow_pad},
    {"transpose", 3, grow_transpose},
};

void grow_one(Growth& net) {
  int64_t sum = 0;
  for (const Production& production : kProductions) sum += production.weight;
  for (;;) {
    int64_t at = net.choose.below(sum);
    for (const Production& production : kProductions) {
      at -= production.weight;
      if (at >= 0) continue;
      if (production.grow(net)) return;
      break;
    }
  }
}

// By statistics of a channel or of every value; colours may be mixed.
void grow_normalize_image(Growth& net, ir::Value& image) {
  const bool bytes = image.type.dtype == ir::DType::u8;
  const ir::Dims& dims = image.type.dims;
  const auto statistic = [&](std::string_view role, double least, double most) {
    ir::Dims own = {dims[3]};
    if (net.choose.chance(0.5)) own.insert(own.end(), {dims[1], dims[2]});
    return &net.state(role, own, {ir::InitializerKind::uniform, least, most}, ir::StateRole::statistic);
  };
  std::vector<ir::Value*> operands = {&image, statistic("center", 0, bytes ? 255 : 1)};
  operands.push_back(bytes ? statistic("factor", 0.002, 0.02) : statistic("factor", 0.5, 2));
  if (net.choose.chance(0.4)) {
    const double most = 1 / std::sqrt(static_cast<double>(dims[3]));
    operands.push_back(&net.state("rotation", {net.choose.between(1, 4), dims[3]},
                                  {ir::InitializerKind::uniform, -most, most}, ir::StateRole::statistic));
  }
  net.feature(net.node<ir::NormalizeImage>({}, operands).result(), 1);
}

// A picture of bytes, and at times another one of floats, each pre-processed.
void grow_images(Growth& net, int64_t batch) {
  const int64_t count = net.choose.chance(0.15) ? 2 : 1;
  for (int64_t i = 0; i < count; ++i) {
    const bool bytes = i == 0 && net.choose.chance(0.8);
    const int64_t most = net.choose.one_of<int64_t>({1, 4, 6, 9, 9, 14, 14});
    const int64_t height = net.choose.between(1, most);
    const int64_t width = net.choose.between(1, most);
    const int64_t channels = net.choose.one_of<int64_t>({1, 1, 3, 3, 3, 5, 16, 17});
    ir::Value& image = net.input(i == 0 ? "image" : "second",
                                 {bytes ? ir::DType::u8 : ir::DType::f32, {batch, height, width, channels}, {}});
    net.layer("preprocess");
    if (net.choose.chance(0.25)) {
      grow_normalize_image(net, image);
      continue;
    }
    ir::Preprocess::Attributes attributes;
    const int64_t values = net.choose.chance(0.4) ? channels : 1;
    attributes.scale.clear();
    attributes.shift.clear();
    for (int64_t c = 0; c < values; ++c) {
      attributes.scale.push_back(bytes ? net.choose.real(0.002, 0.02) : net.choose.real(0.5, 2));
      attributes.shift.push_back(net.choose.real(-1.5, 0.5));
    }
    if (net.choose.chance(0.2)) attributes.scale = {bytes ? 0.0078125 : 1};
    if (net.choose.chance(0.2)) attributes.shift = {0};
    net.feature(net.node<ir::Preprocess>(attributes, {&image}).result(), 1);
  }
}

void grow_function(ir::Module& module, const std::string& name, uint64_t seed, int64_t train_batch, int64_t batch) {
  Choices choices(seed);
  Growth net(module.add_function(name), choices, train_batch == 1);
  grow_images(net, batch);
  for (int64_t layers = choices.one_of({choices.between(1, 6), choices.between(4, 12), choices.between(8, 22)});
       layers > 0; --layers)
    grow_one(net);
  grow_head(net);
}

void draw_adaptive(Choices& choices, ir::Optimizer& optimizer) {
  using enum ir::OptimizerKind;
  optimizer.kind = choices.one_of({adagrad, rmsprop, adadelta, adam, adamw});
  if (optimizer.kind != rmsprop) optimizer.momentum = 0;
  if (optimizer.kind == rmsprop || optimizer.kind == adadelta) optimizer.decay = choices.one_of({0.9, 0.99});
  if (optimizer.kind == adam || optimizer.kind == adamw) {
    optimizer.beta1 = choices.one_of({0.0, 0.9});
    optimizer.beta2 = choices.one_of({0.95, 0.999});
  }
  optimizer.epsilon = choices.one_of({1e-8, 1e-3});
}

// What stands before and behind each update.
void draw_around_updates(Choices& choices, ir::Optimizer& optimizer) {
  if (choices.chance(0.3)) {
    optimizer.l1 = choices.one_of({0.0, 0.001});
    optimizer.l2 = choices.one_of({0.0, 0.01});
  }
  if (choices.chance(0.2)) optimizer.max_norm = choices.one_of({0.5, 3.0});
  if (choices.chance(0.2)) optimizer.clip_norm = choices.one_of({0.1, 10.0});
  if (choices.chance(0.1)) optimizer.clip_value = 0.01;
}

} // namespace

std::span<const Production> productions() { return kProductions; }

RandomNetwork random_network(uint64_t seed) {
  // What the functions differ in, drawn apart from the layers, which must be the same in all.
  Choices choices(~seed), further(seed ^ 0x72656775);
  const int64_t batch = choices.between(1, 5);
  const std::string name = fmt::format("random{}", seed);

  ir::Module training(name);
  if (choices.chance(0.8)) {
    training.optimizer.kind = ir::OptimizerKind::sgd;
    training.optimizer.momentum = choices.one_of({0.0, 0.9});
    training.optimizer.weight_decay = choices.one_of({0.0, 0.0, 0.0005});
    if (choices.chance(0.4)) draw_adaptive(choices, training.optimizer);
    draw_around_updates(further, training.optimizer);
  }
  grow_function(training, "train_step", seed, batch, batch);
  // With a running mean of the weights evaluate would be of other weights than as written.
  if (choices.chance(0.25))
    grow_function(training, "evaluate", seed, batch, choices.between(1, 5));
  else if (training.optimizer.kind != ir::OptimizerKind::none && further.chance(0.3))
    training.optimizer.average_decay = further.one_of({0.5, 0.999});

  ir::Module inference(name);
  grow_function(inference, "predict.1", seed, batch, 1);
  if (batch > 1 && choices.chance(0.5)) grow_function(inference, fmt::format("predict.{}", batch), seed, batch, batch);
  return {ir::print(training), ir::print(inference)};
}

} // namespace kiln::test
