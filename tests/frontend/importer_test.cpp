// Importing: the IR of every kind of layer, the functions' contract, initialisers, and that the importer's shapes agree
// with the IR's.
#include "frontend/importer.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontend/check_experiment.h"
#include "frontend/import/resize.h"
#include "frontend/read_experiment.h"
#include "frontend/resolve.h"
#include "ir/evaluate.h"
#include "ir/op.h"
#include "ir/ops/average_pool.h"
#include "ir/ops/preprocess.h"
#include "ir/ops/resize.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "runtime/counter_random.h"

namespace kiln::frontend {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;

// A network with these layers for images of `channels` x 8 x 6, its loss and a training section added.
std::string experiment(const std::string& layers, int channels = 2, const std::string& rest = "") {
  return "name: \"test\" network { " + layers +
         " layer { softmax_cross_entropy {} } } data { image { channels: " + std::to_string(channels) +
         " height: 8 width: 6 } } training { batch: 4 epochs: 1 sgd { momentum: 0.9 weight_decay: 0.01 } } " + rest;
}

std::unique_ptr<ir::Module> import_text(const std::string& text, Diagnostics& diagnostics,
                                        const ImportOptions& options = {4, 3, {1}}) {
  auto read = parse_experiment(text, "test", diagnostics);
  if (!read) return nullptr;
  LoadedExperiment loaded{read->message, read->positions, {}};
  resolve(loaded.experiment, "test");
  check_experiment(loaded.experiment, loaded.positions, diagnostics);
  loaded.data = probe_data(loaded.experiment, loaded.positions, diagnostics);
  return import_network(loaded, options, diagnostics);
}

std::unique_ptr<ir::Module> import_good(const std::string& text, const ImportOptions& options = {4, 3, {1}}) {
  Diagnostics diagnostics;
  auto module = import_text(text, diagnostics, options);
  EXPECT_EQ(diagnostics.text(), "");
  EXPECT_NE(module, nullptr);
  if (module) {
    EXPECT_EQ(ir::verify(*module).value_or("sound"), "sound");
    EXPECT_EQ(ir::print(*ir::parse(ir::print(*module))), ir::print(*module));
  }
  return module;
}

ir::Dims dims_of(const ir::Module& module, const std::string& value) {
  return module.find_function("predict")->find_value(value)->type.dims;
}

TEST(Importer, WritesTheFunctionsThatTheRuntimeCalls) {
  auto module = import_good(experiment("layer { name: \"c\" convolution { filters: 3 kernel: 3 } } layer { relu {} } "
                                       "layer { dense { units: 5 bias: false } }"));
  // The text of the functions, types included, is the contract.
  EXPECT_EQ(ir::print(*module->find_function("train_step")),
            R"(func @train_step(%image: u8[4,8,6,2], %label: i32[4]) {
  %image.preprocess = preprocess(%image) {scale=[1], shift=[0], pad=[0,0,0,0], pad_value=[0]} : f32[4,2,8,6]
  %c.conv2d = conv2d(%image.preprocess, @c.weight) {stride=[1,1], pad=[0,0,0,0], dilation=[1,1], group=1, epilogue=[]} layer="c" : f32[4,3,6,4]
  %c = bias(%c.conv2d, @c.bias) layer="c" : f32[4,3,6,4]
  %relu1 = relu(%c) layer="relu1" : f32[4,3,6,4]
  %fc1.reshape = reshape(%relu1) {dims=[4,72]} layer="fc1" : f32[4,72]
  %fc1 = dense(%fc1.reshape, @fc1.weight) {epilogue=[]} layer="fc1" : f32[4,5]
  %loss.softmax_cross_entropy = softmax_cross_entropy(%fc1, %label) {label_smoothing=0, ignores=false, ignored_label=-1} layer="loss" : f32[4]
  %loss = reduce_mean(%loss.softmax_cross_entropy) {axes=[], keep_dims=false} layer="loss" : f32[1]
  %loss.top_k = top_k(%fc1, %label) {k=1, ignores=false, ignored_label=-1} layer="loss" : f32[4]
  return loss=%loss, correct=%loss.top_k
}
)");
  const std::string evaluate = ir::print(*module->find_function("evaluate"));
  EXPECT_THAT(evaluate, HasSubstr("%loss = softmax_cross_entropy(%fc1, %label) {label_smoothing=0, ignores=false, "
                                  "ignored_label=-1} layer=\"loss\" : f32[3]"));
  EXPECT_THAT(evaluate, HasSubstr("return loss=%loss, correct=%loss.top_k\n"));
  const std::string predict = ir::print(*module->find_function("predict"));
  EXPECT_THAT(predict, HasSubstr("func @predict(%image: u8[1,8,6,2]) {\n"));
  EXPECT_THAT(predict, HasSubstr("return probability=%loss.softmax\n"));

  EXPECT_EQ(module->optimizer.kind, ir::OptimizerKind::sgd);
  EXPECT_EQ(module->optimizer.momentum, 0.9);
  EXPECT_EQ(module->optimizer.weight_decay, 0.01);
  ASSERT_EQ(module->states().size(), 3u);
  const ir::State& bias = *module->find_state("c.bias");
  EXPECT_EQ(bias.decay_multiplier, 0);
  EXPECT_EQ(bias.value.type.dims, (ir::Dims{3}));
  const ir::State& weight = *module->find_state("c.weight");
  EXPECT_EQ(weight.decay_multiplier, 1);
  EXPECT_EQ(weight.stream.value, random::stream_id("c.weight"));
  EXPECT_EQ(weight.value.type.dims, (ir::Dims{3, 2, 3, 3}));
}

TEST(Importer, GivesBatchNormItsStatesAndTheirUpdate) {
  auto module = import_good(experiment("layer { convolution { filters: 3 kernel: 3 bias: false } } "
                                       "layer { batch_norm { momentum: 0.25 epsilon: 0.5 } } "
                                       "layer { dense { units: 5 } } layer { batch_norm { affine: false } }"));
  const std::string step = ir::print(*module->find_function("train_step"));
  EXPECT_THAT(step, HasSubstr("  %bn1, %bn1.mean, %bn1.variance = batch_norm(%conv1, @bn1.scale, @bn1.shift) "
                              "{epsilon=0.5, epilogue=[]} layer=\"bn1\" : f32[4,3,6,4], f32[3], f32[3]\n"
                              "  update_running_statistics(@bn1.mean, @bn1.variance, %bn1.mean, %bn1.variance) "
                              "{share=0.25, count=96} layer=\"bn1\"\n"));
  EXPECT_THAT(step, HasSubstr("batch_norm(%fc1) {epsilon=1e-05, epilogue=[]}"));
  EXPECT_THAT(step, HasSubstr("{share=0.1, count=4}"));
  for (const char* name : {"bn1.scale", "bn1.shift"}) {
    const ir::State& state = *module->find_state(name);
    EXPECT_EQ(state.role, ir::StateRole::parameter);
    EXPECT_EQ(state.decay_multiplier, 0);
  }
  EXPECT_EQ(module->find_state("bn1.scale")->initializer, (ir::Initializer{ir::InitializerKind::constant, 1, 0}));
  EXPECT_EQ(module->find_state("bn1.shift")->initializer, (ir::Initializer{ir::InitializerKind::constant, 0, 0}));
  EXPECT_EQ(module->find_state("bn2.scale"), nullptr);
  for (const char* name : {"bn1.mean", "bn2.variance"})
    EXPECT_EQ(module->find_state(name)->role, ir::StateRole::statistic);
  EXPECT_EQ(module->find_state("bn1.mean")->initializer, (ir::Initializer{ir::InitializerKind::constant, 0, 0}));
  EXPECT_EQ(module->find_state("bn1.variance")->initializer, (ir::Initializer{ir::InitializerKind::constant, 1, 0}));
  EXPECT_THAT(ir::print(*module->find_function("predict")), HasSubstr("batch_norm(%conv1"));
}

TEST(Importer, NamesPredictsByBatchWhenThereAreSeveral) {
  auto module = import_good(experiment("layer { dense { units: 5 } }"), {0, 0, {1, 16}});
  ASSERT_EQ(module->functions().size(), 2u);
  EXPECT_EQ(module->find_function("predict.16")->find_input("image")->type.dims[0], 16);
  EXPECT_NE(module->find_function("predict.1"), nullptr);
}

TEST(Importer, KnowsEveryKindOfLayer) {
  const std::string layers = "layer { convolution { filters: 4 kernel: [3, 1] stride: [2, 1] padding: [1, 0, 2, 3] "
                             "dilation: [2, 1] groups: 2 } }"
                             "layer { leaky_relu { slope: 0.1 } }"
                             "layer { max_pool { kernel: 2 stride: 1 padding: 1 } }"
                             "layer { average_pool { kernel: 3 stride: 2 rounding: CEIL count_include_pad: true } }"
                             "layer { elu { alpha: 0.5 } }"
                             "layer { sigmoid {} }"
                             "layer { tanh {} }"
                             "layer { add {} input: [\"sigmoid1\", \"tanh1\"] }"
                             "layer { concat {} input: [\"tanh1\", \"add1\", \"elu1\"] }"
                             "layer { dropout { drop: 0.25 } }"
                             "layer { reshape { dims: [6, -1, 5] } }"
                             "layer { flatten {} }"
                             "layer { softmax {} }"
                             "layer { reshape { dims: [12, 1, 10] } }"
                             "layer { relu {} }"
                             "layer { clip { max: 9 } }"
                             "layer { relu6 {} }"
                             "layer { selu {} }"
                             "layer { gelu {} }"
                             "layer { silu {} }"
                             "layer { hard_swish {} }"
                             "layer { hard_sigmoid {} }"
                             "layer { softplus {} }"
                             "layer { prelu {} }"
                             "layer { rrelu {} }"
                             "layer { batch_norm {} }"
                             "layer { depthwise_convolution { kernel: 3 padding: 1 } }"
                             "layer { transposed_convolution { filters: 12 kernel: 2 } }"
                             "layer { resize { factor: 2 } }"
                             "layer { lrn {} }"
                             "layer { global_max_pool {} }"
                             "layer { global_average_pool {} }"
                             "layer { scale {} }"
                             "layer { multiply {} input: [\"scale1\", \"bn1\"] }"
                             "layer { subtract {} input: [\"multiply1\", \"bn1\"] }"
                             "layer { divide {} input: [\"subtract1\", \"bn1\"] }"
                             "layer { maximum {} input: [\"divide1\", \"bn1\"] }"
                             "layer { minimum {} input: [\"maximum1\", \"bn1\"] }"
                             "layer { slice { axis: 3 begin: 2 } }"
                             "layer { pad { padding: 1 } }"
                             "layer { crop { size: [2, 9] } }"
                             "layer { transpose { order: [1, 3, 2] } }"
                             "layer { reduce_mean { axis: 3 } }"
                             "layer { reduce_sum { axis: 2 } }"
                             "layer { dense { units: 3 } }"
                             "layer { log_softmax {} }"
                             "layer { multi_class_hinge {} }"
                             "layer { sigmoid_cross_entropy {} input: [\"log_softmax1\", \"log_softmax1\"] }"
                             "layer { mean_squared_error {} input: [\"log_softmax1\", \"log_softmax1\"] }"
                             "layer { l1 {} input: [\"log_softmax1\", \"log_softmax1\"] }"
                             "layer { huber {} input: [\"log_softmax1\", \"log_softmax1\"] }";
  const auto* kinds = proto::Layer::descriptor()->FindOneofByName("kind");
  for (int i = 0; i < kinds->field_count(); ++i)
    EXPECT_THAT(experiment(layers), HasSubstr("{ " + kinds->field(i)->name() + " {")) << "is not imported here";
  auto module = import_good(experiment(layers));
  // floor((8 + 1 + 2 - 5) / 2) + 1 = 4; 6 + 0 + 3 = 9
  EXPECT_EQ(dims_of(*module, "conv1"), (ir::Dims{1, 4, 4, 9}));
  EXPECT_EQ(dims_of(*module, "pool1"), (ir::Dims{1, 4, 5, 10}));
  // ceil((10 - 3) / 2) + 1 = 5
  EXPECT_EQ(dims_of(*module, "pool2"), (ir::Dims{1, 4, 2, 5}));
  EXPECT_EQ(dims_of(*module, "reshape1"), (ir::Dims{1, 6, 4, 5}));
  EXPECT_EQ(dims_of(*module, "flatten1"), (ir::Dims{1, 120}));
  EXPECT_EQ(dims_of(*module, "reshape2"), (ir::Dims{1, 12, 1, 10}));
  const std::string text = ir::print(*module->find_function("predict"));
  EXPECT_THAT(text, HasSubstr("{stride=[2,1], pad=[1,0,2,3], dilation=[2,1], group=2, epilogue=[]}"));
  EXPECT_THAT(
      text, HasSubstr("average_pool(%pool1) {kernel=[3,3], stride=[2,2], pad=[0,0,0,0], dilation=[1,1], rounding=ceil, "
                      "count_include_pad=true}"));
  EXPECT_THAT(text, HasSubstr("dropout(%concat1) {drop=0.25, stream="));
  EXPECT_THAT(text, HasSubstr("leaky_relu(%conv1) {slope=0.1}"));
  EXPECT_THAT(text, HasSubstr("elu(%pool2) {alpha=0.5}"));
  EXPECT_THAT(text, HasSubstr("add(%sigmoid1, %tanh1)"));
  EXPECT_THAT(text, HasSubstr("concat(%tanh1, %add1, %elu1)"));
  EXPECT_EQ(dims_of(*module, "concat1"), (ir::Dims{1, 12, 2, 5}));
}

TEST(Importer, KnowsEveryActivation) {
  auto module = import_good(experiment("layer { clip { min: -1 } }"
                                       "layer { clip { min: -0.5 max: 2.5 } }"
                                       "layer { relu6 {} }"
                                       "layer { selu {} }"
                                       "layer { gelu {} }"
                                       "layer { silu {} }"
                                       "layer { hard_swish {} }"
                                       "layer { hard_sigmoid {} }"
                                       "layer { softplus {} }"
                                       "layer { dense { units: 3 } }"));
  const std::string text = ir::print(*module->find_function("predict"));
  EXPECT_THAT(text, HasSubstr("%clip1 = clip(%image.preprocess) {min=-1, max=inf} layer"));
  EXPECT_THAT(text, HasSubstr("%clip2 = clip(%clip1) {min=-0.5, max=2.5} layer"));
  EXPECT_THAT(text, HasSubstr("%relu61 = clip(%clip2) {min=0, max=6} layer"));
  EXPECT_THAT(text, HasSubstr("%selu1 = selu(%relu61) layer"));
  EXPECT_THAT(text, HasSubstr("%gelu1 = gelu(%selu1) layer"));
  EXPECT_THAT(text, HasSubstr("%silu1 = silu(%gelu1) layer"));
  EXPECT_THAT(text, HasSubstr("%hard_swish1 = hard_swish(%silu1) layer"));
  EXPECT_THAT(text, HasSubstr("hard_sigmoid(%hard_swish1) {alpha=0.16666666666666666, beta=0.5} layer"));
  EXPECT_THAT(text, HasSubstr("%softplus1 = softplus(%hard_sigmoid1) layer"));
}

TEST(Importer, FiltersEachChannelByItself) {
  auto module =
      import_good(experiment("layer { depthwise_convolution { kernel: [3, 5] stride: [1, 2] padding: [1, 2] "
                             "dilation: [1, 2] multiplier: 2 } } layer { relu {} } layer { dense { units: 3 } }",
                             3));
  EXPECT_EQ(module->find_state("depthwise1.weight")->value.type.dims, (ir::Dims{6, 1, 3, 5}));
  // he: fan_in is the kernel's area.
  EXPECT_EQ(module->find_state("depthwise1.weight")->initializer,
            (ir::Initializer{ir::InitializerKind::normal, 0, std::sqrt(2.0 / 15)}));
  EXPECT_EQ(module->find_state("depthwise1.bias")->value.type.dims, ir::Dims{6});
  EXPECT_THAT(ir::print(*module->find_function("predict")),
              HasSubstr("conv2d(%image.preprocess, @depthwise1.weight) {stride=[1,2], pad=[1,2,1,2], dilation=[1,2], "
                        "group=3, epilogue=[]} layer=\"depthwise1\" : f32[1,6,8,1]"));
  module =
      import_good(experiment("layer { depthwise_convolution { kernel: 3 bias: false } } layer { dense { units: 3 } "
                             "}"));
  EXPECT_EQ(module->find_state("depthwise1.bias"), nullptr);
  EXPECT_EQ(dims_of(*module, "depthwise1"), (ir::Dims{1, 2, 6, 4}));
}

TEST(Importer, RunsConvolutionsBackwards) {
  auto module = import_good(experiment("layer { transposed_convolution { filters: 6 kernel: [4, 2] stride: 2 padding: "
                                       "[1, 0] groups: 2 weights_init { xavier { distribution: NORMAL } } } }"
                                       "layer { dense { units: 3 } }"));
  EXPECT_EQ(module->find_state("deconv1.weight")->value.type.dims, (ir::Dims{2, 3, 4, 2}));
  // One input channel and three filters a group, windows of 8 that start every second row and column.
  EXPECT_EQ(module->find_state("deconv1.weight")->initializer,
            (ir::Initializer{ir::InitializerKind::normal, 0, std::sqrt(1.0 / ((8.0 / 4 + 3 * 8) / 2))}));
  EXPECT_THAT(ir::print(*module->find_function("predict")),
              HasSubstr("conv_transpose2d(%image.preprocess, @deconv1.weight) {stride=[2,2], pad=[1,0,1,0], "
                        "dilation=[1,1], group=2, dst_size=[16,12], epilogue=[]} layer=\"deconv1\" : f32[1,6,16,12]"));
  // Output padding takes padding back, as far as there is some.
  module = import_good(experiment("layer { transposed_convolution { filters: 1 kernel: 3 stride: 2 padding: [1, 0] "
                                  "output_padding: 1 bias: false } } layer { dense { units: 3 } }"));
  EXPECT_THAT(ir::print(*module->find_function("predict")),
              HasSubstr("pad=[1,0,0,0], dilation=[1,1], group=1, dst_size=[16,14]"));
  EXPECT_EQ(module->find_state("deconv1.bias"), nullptr);
}

// The sizes that PyTorch's formula gives, for every small geometry.
TEST(Importer, TransposedSizesAreThoseOfTheFormula) {
  for (int kernel : {1, 2, 3, 5})
    for (int stride : {1, 2, 3})
      for (int dilation : {1, 2})
        for (int padding : {0, 1, 2})
          for (int extra = 0; extra < std::max(stride, padding + 1); ++extra) {
            const auto side = [&](int input) {
              return (input - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1;
            };
            auto module = import_good(experiment(fmt::format(
                "layer {{ transposed_convolution {{ filters: 2 kernel: {} stride: {} dilation: {} padding: {} "
                "output_padding: {} }} }} layer {{ dense {{ units: 3 }} }}",
                kernel, stride, dilation, padding, extra)));
            EXPECT_EQ(dims_of(*module, "deconv1"), (ir::Dims{1, 2, side(8), side(6)}));
          }
}

TEST(Importer, PoolsWholeImages) {
  auto module = import_good(experiment("layer { name: \"mean\" global_average_pool {} }"
                                       "layer { name: \"most\" input: \"image\" global_max_pool {} }"
                                       "layer { add {} input: [\"mean\", \"most\"] } layer { dense { units: 3 } }"));
  const std::string text = ir::print(*module->find_function("predict"));
  EXPECT_THAT(text, HasSubstr("average_pool(%image.preprocess) {kernel=[8,6], stride=[8,6], pad=[0,0,0,0], "
                              "dilation=[1,1], rounding=floor, count_include_pad=true} layer=\"mean\" : f32[1,2,1,1]"));
  EXPECT_THAT(text, HasSubstr("max_pool(%image.preprocess) {kernel=[8,6], stride=[8,6], pad=[0,0,0,0], "
                              "dilation=[1,1], rounding=floor} layer=\"most\" : f32[1,2,1,1]"));
}

TEST(Importer, TurnsConventionsOfResizingIntoLines) {
  const auto attributes = [](const std::string& fields) {
    auto module = import_good(experiment("layer { resize { " + fields + " } } layer { dense { units: 3 } }"));
    return module->find_function("predict")->find_value("resize1")->producer->attributes<ir::Resize>();
  };
  using Line = std::array<int64_t, 3>;
  // Images are 8 x 6. Half pixel: (o + 1/2) / 2 - 1/2 = (2 o - 1) / 4; the nearer of two, the lower if equally near:
  // the ceiling of (2 o - 3) / 4 is the whole part of 2 o / 4 = o / 2.
  ir::Resize::Attributes a = attributes("factor: 2");
  EXPECT_EQ(a.mode, ir::ResizeMode::nearest);
  EXPECT_EQ(a.size, (ir::Size2{16, 12}));
  for (int64_t o = 0; o < 16; ++o)
    EXPECT_EQ((ir::ResizeAxis{8, a.rows}.lower(o)), std::max<int64_t>(0, (2 * o - 3 + 3) / 4)) << o;
  a = attributes("factor: 2 method: BILINEAR");
  EXPECT_EQ(a.mode, ir::ResizeMode::bilinear);
  EXPECT_EQ(a.rows, (Line{2, -1, 4}));
  a = attributes("size: [15, 11] method: BILINEAR coordinates: ALIGN_CORNERS");
  EXPECT_EQ(a.size, (ir::Size2{15, 11}));
  EXPECT_EQ(a.rows, (Line{1, 0, 2}));
  EXPECT_EQ(a.columns, (Line{1, 0, 2}));
  a = attributes("size: 1 method: BILINEAR coordinates: ALIGN_CORNERS");
  EXPECT_EQ(a.rows[1], 0);
  a = attributes("size: [12, 9] coordinates: ASYMMETRIC nearest: DOWN");
  EXPECT_EQ(a.rows, (Line{2, 0, 3}));
  EXPECT_EQ(a.columns, (Line{2, 0, 3}));
  // 8 * 0.6 = 4.8: the size is rounded down, the coordinates stay those of the factor: 5/3.
  a = attributes("factor: 0.6 coordinates: ASYMMETRIC nearest: DOWN");
  EXPECT_EQ(a.size, (ir::Size2{4, 3}));
  EXPECT_EQ(a.rows, (Line{5, 0, 3}));
  a = attributes("factor: [0.5, 1.5] coordinates: ASYMMETRIC nearest: UP");
  EXPECT_EQ(a.rows, (Line{2, 0, 1}));
  EXPECT_EQ(a.columns, (Line{2, 2, 3}));
}

// Each rounding against its definition, in halves so that ties are met.
TEST(Importer, RoundsToTheNearestAsEachConventionSays) {
  for (int64_t input = 1; input <= 9; ++input)
    for (int64_t output = 1; output <= 20; ++output) {
      const auto place = [&](proto::ResizeLayer::Nearest nearest, int64_t o) {
        const auto line = resize_line(proto::ResizeLayer::HALF_PIXEL, proto::ResizeLayer::NEAREST, nearest, input,
                                      output, {output, input});
        return ir::ResizeAxis{input, line}.lower(o);
      };
      for (int64_t o = 0; o < output; ++o) {
        // In units of 1 / (2 output), exactly.
        const int64_t position = (2 * o + 1) * input - output;
        const int64_t unit = 2 * output;
        const auto clamped = [&](int64_t i) { return std::clamp<int64_t>(i, 0, input - 1); };
        int64_t below = position >= 0 ? position / unit : -1; // at most 1/2 below 0
        const int64_t beyond = position - below * unit;
        EXPECT_EQ(place(proto::ResizeLayer::DOWN, o), clamped(below));
        EXPECT_EQ(place(proto::ResizeLayer::UP, o), clamped(beyond > 0 ? below + 1 : below));
        EXPECT_EQ(place(proto::ResizeLayer::ROUND_PREFER_FLOOR, o), clamped(2 * beyond > unit ? below + 1 : below));
        EXPECT_EQ(place(proto::ResizeLayer::ROUND_PREFER_CEIL, o), clamped(2 * beyond >= unit ? below + 1 : below));
      }
    }
}

TEST(Importer, FindsTheRatioBehindAFactor) {
  const auto ratio = [](double factor) {
    const auto found = ratio_of(factor);
    return found ? std::pair(found->numerator, found->denominator) : std::pair<int64_t, int64_t>(0, 0);
  };
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT_EQ(ratio(2), Pair(2, 1));
  EXPECT_EQ(ratio(0.5), Pair(1, 2));
  EXPECT_EQ(ratio(0.6), Pair(3, 5));
  EXPECT_EQ(ratio(0.6F), Pair(3, 5));
  EXPECT_EQ(ratio(1.0F / 3), Pair(1, 3));
  EXPECT_EQ(ratio(2.3), Pair(23, 10));
  EXPECT_EQ(ratio(0), Pair(0, 0));
  EXPECT_EQ(ratio(-1), Pair(0, 0));
  EXPECT_EQ(ratio(1e9), Pair(0, 0));
  EXPECT_EQ(ratio(NAN), Pair(0, 0));
}

TEST(Importer, NormalisesAcrossChannels) {
  auto module = import_good(experiment("layer { lrn {} } layer { lrn { size: 4 alpha: 0.5 beta: 1 k: 2 } }"
                                       "layer { dense { units: 3 } }"));
  const std::string text = ir::print(*module->find_function("predict"));
  EXPECT_THAT(text, HasSubstr("%lrn1 = lrn(%image.preprocess) {size=5, alpha=0.0001, beta=0.75, k=1} layer"));
  EXPECT_THAT(text, HasSubstr("%lrn2 = lrn(%lrn1) {size=4, alpha=0.5, beta=1, k=2} layer"));
}

TEST(Importer, PoolsWithDilation) {
  auto module = import_good(experiment("layer { max_pool { kernel: 2 stride: 1 dilation: [3, 2] padding: 2 } }"
                                       "layer { average_pool { kernel: 2 stride: 1 dilation: 2 } }"
                                       "layer { dense { units: 3 } }"));
  // 8 + 4 - 4 + 1, 6 + 4 - 3 + 1
  EXPECT_EQ(dims_of(*module, "pool1"), (ir::Dims{1, 2, 9, 8}));
  EXPECT_EQ(dims_of(*module, "pool2"), (ir::Dims{1, 2, 7, 6}));
}

TEST(Importer, LearnsSlopesThatDoNotDecay) {
  auto module = import_good(experiment("layer { convolution { filters: 3 kernel: 1 } }"
                                       "layer { prelu {} }"
                                       "layer { name: \"one\" prelu { shared: true start: 0.5 } }"
                                       "layer { dense { units: 3 } }"));
  const ir::State& slopes = *module->find_state("prelu1.slope");
  EXPECT_EQ(slopes.value.type.dims, ir::Dims{3});
  EXPECT_EQ(slopes.decay_multiplier, 0);
  EXPECT_EQ(slopes.initializer, (ir::Initializer{ir::InitializerKind::constant, 0.25, 0}));
  EXPECT_EQ(module->find_state("one.slope")->value.type.dims, ir::Dims{1});
  EXPECT_EQ(module->find_state("one.slope")->initializer.a, 0.5);
  EXPECT_THAT(ir::print(*module->find_function("train_step")), HasSubstr("%one = prelu(%prelu1, @one.slope)"));
}

TEST(Importer, KnowsRandomLayersAndTheirOptions) {
  auto module = import_good(experiment("layer { rrelu {} }"
                                       "layer { rrelu { lower: 0.125 upper: 0.25 mode: EVEN } }"
                                       "layer { dropout { whole_channels: true } }"
                                       "layer { dense { units: 3 } }"
                                       "layer { log_softmax {} }"));
  const std::string text = ir::print(*module->find_function("train_step"));
  EXPECT_THAT(text, HasSubstr("rrelu(%image.preprocess) {lower=3, upper=8, mode=reciprocal, stream="));
  EXPECT_THAT(text, HasSubstr("rrelu(%rrelu1) {lower=0.125, upper=0.25, mode=uniform, stream="));
  EXPECT_THAT(text, HasSubstr("whole_channels=true} layer=\"dropout1\""));
  EXPECT_THAT(text, HasSubstr("%log_softmax1 = log_softmax(%fc1)"));
}

TEST(Importer, KnowsOtherLossesAndOptions) {
  const auto with_loss = [](const std::string& loss) {
    return "network { layer { dense { units: 5 } } layer { " + loss +
           " } } data { image { channels: 2 height: 8 } } training { batch: 4 epochs: 1 sgd {} }";
  };
  auto module = import_good(with_loss("multi_class_hinge { norm: L2 margin: 0.5 }"));
  EXPECT_THAT(ir::print(*module->find_function("train_step")),
              HasSubstr("%loss.multi_class_hinge = multi_class_hinge(%fc1, %label) {margin=0.5, norm=l2} "
                        "layer=\"loss\" : f32[4]\n  %loss = reduce_mean(%loss.multi_class_hinge)"));
  EXPECT_THAT(ir::print(*module->find_function("evaluate")), HasSubstr("%loss = multi_class_hinge(%fc1, %label)"));
  EXPECT_THAT(ir::print(*module->find_function("predict")), HasSubstr("return probability=%loss.softmax\n"));
  module = import_good(with_loss("softmax_cross_entropy { label_smoothing: 0.1 }"));
  EXPECT_THAT(ir::print(*module->find_function("evaluate")),
              HasSubstr("{label_smoothing=0.1, ignores=false, ignored_label=-1}"));
}

// The functions of a network on images of 2 x 8 x 8.
std::unique_ptr<ir::Module> import_network_text(const std::string& layers, const std::string& rest = "") {
  return import_good("network { " + layers + " } data { image { channels: 2 height: 8 } } " +
                     "training { batch: 4 epochs: 1 sgd {} } " + rest);
}

TEST(Importer, GivesTheLabelTheTypeThatTheLossWants) {
  const auto label_of = [](const ir::Module& module) {
    return ir::to_string(module.find_function("train_step")->find_input("label")->type);
  };
  EXPECT_EQ(label_of(*import_network_text("layer { dense { units: 5 } } layer { softmax_cross_entropy {} }")),
            "i32[4]");
  EXPECT_EQ(label_of(*import_network_text("layer { dense { units: 5 } } "
                                          "layer { softmax_cross_entropy { target: DISTRIBUTION } }")),
            "f32[4,5]");
  const std::string pixels = "layer { convolution { filters: 3 kernel: 1 } } ";
  EXPECT_EQ(label_of(*import_network_text(pixels + "layer { softmax_cross_entropy {} }")), "i32[4,8,8]");
  EXPECT_EQ(label_of(*import_network_text(pixels + "layer { huber {} }")), "f32[4,3,8,8]");
  // Two inputs: the data need give no label.
  auto restoring = import_network_text("layer { convolution { filters: 2 kernel: 1 } } "
                                       "layer { input: [\"conv1\", \"image\"] mean_squared_error {} }");
  EXPECT_EQ(restoring->find_function("train_step")->find_input("label"), nullptr);
  EXPECT_THAT(
      ir::print(*restoring->find_function("evaluate")),
      HasSubstr(
          "%loss = mean_squared_error(%conv1, %image.preprocess) layer=\"loss\" : f32[3]\n  return loss=%loss\n"));
  EXPECT_THAT(ir::print(*restoring->find_function("predict")), HasSubstr("return output=%conv1\n"));
}

TEST(Importer, DividesByWhatTheBatchWeighs) {
  auto module = import_network_text("layer { convolution { filters: 3 kernel: 1 } } layer { softmax_cross_entropy { "
                                    "class_weight: [1, 2, 0.5] ignore_label: 255 } }",
                                    "metrics { top_k: [2] confusion_matrix: true }");
  const std::string train = ir::print(*module->find_function("train_step"));
  EXPECT_THAT(train, HasSubstr("label_weight(%label, @loss.class_weight) {ignores=true, ignored_label=255}"));
  EXPECT_THAT(train, HasSubstr("%loss = weighted_mean(%loss.softmax_cross_entropy, %loss.weight)"));
  EXPECT_THAT(train, HasSubstr("return loss=%loss, correct=%loss.top_k\n"));
  EXPECT_THAT(ir::print(*module->find_function("evaluate")),
              HasSubstr("return loss=%loss, loss_weight=%loss.weight, correct=%loss.top_k, top_2=%loss.top_2, "
                        "predicted=%loss.argmax\n"));
  const ir::State& weight = *module->find_state("loss.class_weight");
  EXPECT_EQ(weight.role, ir::StateRole::constant);
  EXPECT_THAT(weight.data, ElementsAre(1, 2, 0.5));
}

TEST(Importer, AddsUpSeveralLosses) {
  auto module = import_network_text("layer { name: \"aux_fc\" dense { units: 5 } }"
                                    "layer { name: \"aux\" softmax_cross_entropy {} loss_weight: 0.3 }"
                                    "layer { dense { units: 5 } }"
                                    "layer { softmax_cross_entropy {} }");
  const std::string train = ir::print(*module->find_function("train_step"));
  // A loss in between is no input of what follows.
  EXPECT_THAT(train, HasSubstr("%fc2 = bias(%fc2.dense"));
  EXPECT_THAT(train, HasSubstr("dense(%aux_fc, @fc2.weight)"));
  EXPECT_THAT(train, HasSubstr("%total_loss = weighted_sum(%aux, %loss2) {weight=[0.3,1]}"));
  EXPECT_THAT(train, HasSubstr("return loss=%total_loss, loss:aux=%aux, loss:loss2=%loss2, correct=%loss2.top_k\n"));
  EXPECT_THAT(ir::print(*module->find_function("evaluate")),
              HasSubstr("return loss:aux=%aux, loss:loss2=%loss2, correct=%loss2.top_k\n"));
  EXPECT_THAT(ir::print(*module->find_function("predict")), HasSubstr("return probability=%loss2.softmax\n"));
}

TEST(Importer, PreprocessesAsTheSchemaSays) {
  auto module =
      import_good(experiment("layer { dense { units: 3 } }", 2, "preprocess { scale: 0.5 mean: [1, 3] std: 4 }"));
  const ir::Function& predict = *module->find_function("predict");
  const auto& attributes = predict.nodes().front()->attributes<ir::Preprocess>();
  EXPECT_THAT(attributes.scale, ElementsAre(0.125, 0.125));
  EXPECT_THAT(attributes.shift, ElementsAre(-0.25, -0.75));
  EXPECT_THAT(attributes.pad_value, ElementsAre(0));
}

TEST(Importer, TurnsFansIntoBoundsAndDeviations) {
  auto initializer = [](const std::string& kind) {
    auto module = import_good(experiment("layer { convolution { filters: 12 kernel: [3, 2] groups: 2 weights_init { " +
                                             kind + " } } } layer { dense { units: 3 } }",
                                         4),
                              {0, 0, {1}});
    return module->find_state("conv1.weight")->initializer;
  };
  const double fan_in = 2 * 6, fan_out = 6 * 6; // a group has 2 channels and 6 filters
  using Kind = ir::InitializerKind;
  auto near = [](const ir::Initializer& got, Kind kind, double a, double b) {
    EXPECT_EQ(got.kind, kind);
    EXPECT_THAT(got.a, DoubleEq(a));
    EXPECT_THAT(got.b, DoubleEq(b));
  };
  double average = (fan_in + fan_out) / 2;
  near(initializer("xavier {}"), Kind::uniform, -std::sqrt(3 / average), std::sqrt(3 / average));
  near(initializer("xavier { fan: FAN_IN distribution: NORMAL }"), Kind::normal, 0, std::sqrt(1 / fan_in));
  near(initializer("he {}"), Kind::normal, 0, std::sqrt(2 / fan_in));
  near(initializer("he { fan: FAN_OUT slope: 0.5 }"), Kind::normal, 0, std::sqrt(2 / (1.25 * fan_out)));
  near(initializer("he { distribution: UNIFORM }"), Kind::uniform, -std::sqrt(6 / fan_in), std::sqrt(6 / fan_in));
  near(initializer("gaussian { std: 0.02 mean: 1 }"), Kind::normal, 1, 0.02);
  near(initializer("uniform { low: -0.5 high: 0.25 }"), Kind::uniform, -0.5, 0.25);
}

// The three functions are one network: what evaluate calls the loss is -log of what predict calls the probability.
TEST(Importer, FunctionsAgreeInTheReference) {
  auto module = import_good(experiment("layer { convolution { filters: 3 kernel: 3 padding: 1 } } layer { tanh {} }"
                                       "layer { max_pool { kernel: 2 } } layer { dense { units: 4 } }",
                                       2, "preprocess { scale: 0.01 mean: 0.5 }"),
                            {2, 2, {2}});
  ir::Environment environment;
  environment.states = ir::initial_states(*module, 7);
  ir::Tensor image({2, 8, 6, 2}), label({2});
  for (int64_t i = 0; i < image.elements(); ++i) image[i] = static_cast<double>(i * 37 % 256);
  label[0] = 3;
  label[1] = 1;
  environment.inputs = {{"image", image}, {"label", label}};
  auto evaluated = ir::evaluate(*module->find_function("evaluate"), environment);
  auto trained = ir::evaluate(*module->find_function("train_step"), environment);
  environment.inputs.erase("label");
  auto predicted = ir::evaluate(*module->find_function("predict"), environment);
  const ir::Tensor& probability = predicted.at("probability");
  ASSERT_EQ(probability.dims, (ir::Dims{2, 4}));
  EXPECT_NEAR(evaluated.at("loss")[0], -std::log(probability[3]), 1e-9);
  EXPECT_NEAR(evaluated.at("loss")[1], -std::log(probability[5]), 1e-9);
  EXPECT_NEAR(trained.at("loss")[0], (evaluated.at("loss")[0] + evaluated.at("loss")[1]) / 2, 1e-12);
  EXPECT_EQ(trained.at("correct").data, evaluated.at("correct").data);
  EXPECT_NE(probability[3], 0.25);
}

TEST(Importer, WarnsOfWhatIsLegalButOdd) {
  Diagnostics diagnostics;
  auto module = import_text(experiment("layer { dense { units: 4 } } layer { relu {} }"
                                       "layer { input: \"fc1\" softmax {} }"),
                            diagnostics);
  EXPECT_NE(module, nullptr);
  EXPECT_EQ(diagnostics.exit_code(), 0);
  EXPECT_EQ(diagnostics.sorted().size(), 1u);
  EXPECT_THAT(diagnostics.text(), HasSubstr("layer \"relu1\" (relu): nothing takes its output"));
}

// Without an image's size, what needs none is still checked, and nothing is built.
TEST(Importer, ChecksWhatItCanWithoutAnImage) {
  Diagnostics diagnostics;
  auto module = import_text("network { layer { convolution { filters: 8 kernel: 0 } } layer { dense { units: 4 } }"
                            " layer { softmax_cross_entropy {} } } data { idx { train_images: \"/nonexistent\" } }"
                            " training { batch: 4 epochs: 1 sgd {} }",
                            diagnostics);
  EXPECT_EQ(module, nullptr);
  EXPECT_THAT(diagnostics.text(), HasSubstr("kernel is 0"));
  EXPECT_THAT(diagnostics.text(), HasSubstr("cannot open /nonexistent"));
  EXPECT_EQ(diagnostics.exit_code(), 3);
}

// Only the larger of two batches is beyond all use: the first function is fine, the second is not.
TEST(Importer, ReportsSizesOfLaterFunctions) {
  Diagnostics diagnostics;
  auto module =
      import_text(experiment("layer { convolution { filters: 1048576 kernel: 1 } } layer { dense { units: 4 } }"),
                  diagnostics, {1, 1 << 20, {}});
  EXPECT_EQ(module, nullptr);
  EXPECT_THAT(diagnostics.text(), HasSubstr("its output 1048576x1048576x8x6 is beyond all use"));
}

// Rounding, padding and windows: the importer must let through exactly what the op accepts.
TEST(Importer, AgreesWithTheIrOnWindows) {
  int accepted = 0, refused = 0;
  for (int kernel = 1; kernel <= 10; kernel += 3)
    for (int stride = 1; stride <= 3; ++stride)
      for (int padding = 0; padding <= 2; ++padding)
        for (const char* kind :
             {"convolution { filters: 2 dilation: 2 ", "max_pool { rounding: CEIL ", "average_pool { "}) {
          Diagnostics diagnostics;
          std::string layer = kind + ("kernel: " + std::to_string(kernel)) + " stride: " + std::to_string(stride) +
                              " padding: " + std::to_string(padding) + " }";
          auto module = import_text(experiment("layer { " + layer + " } layer { dense { units: 4 } }"), diagnostics);
          (module ? accepted : refused) += 1;
          const std::string problem = module ? ir::verify(*module).value_or("") : "";
          EXPECT_EQ(problem, "") << layer;
          // A refusal in the op's own words means that the importer missed something.
          EXPECT_THAT(diagnostics.text(), testing::Not(testing::AnyOf(HasSubstr("conv2d:"), HasSubstr("pool:"))))
              << layer;
          EXPECT_EQ(module == nullptr, diagnostics.has_errors());
        }
  EXPECT_GT(accepted, 20);
  EXPECT_GT(refused, 20);
}

} // namespace
} // namespace kiln::frontend
