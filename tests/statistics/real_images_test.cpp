// Real images through compiled pre-processing: what is said to decorrelate does, and folding changes no prediction.
// Grey ones are Fashion-MNIST's. Those in colour are CIFAR-10's photographs where they are unpacked for the examples,
// else made of the grey ones.
#include "codegen/host_cpu.h"
#include "codegen/program.h"
#include "frontend/import/preprocess.h"
#include "frontend/importer.h"
#include "ir/all_ops.h"
#include "passes/pass_manager.h"
#include "passes/pipeline.h"
#include "passes/plan_memory.h"
#include "runtime/blas.h"
#include "runtime/data_source.h"
#include "runtime/function_io.h"
#include "runtime/instance.h"
#include "runtime/open_data.h"
#include "tools/statistics/preprocess_states.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace kiln::statistics {
namespace {

const std::string kFolder = "/usr/share/datasets/fashion-mnist/";
constexpr int64_t kTrainImages = 10000, kTestImages = 1000, kBatch = 100, kSide = 28;

std::unique_ptr<runtime::MemorySource> grey_images(const std::string& split, int64_t count) {
  const auto whole =
      runtime::open_idx_source(kFolder + split + "-images-idx3-ubyte.gz", kFolder + split + "-labels-idx1-ubyte.gz");
  std::vector<uint8_t> pixels(static_cast<size_t>(count * kSide * kSide));
  std::vector<int32_t> labels(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) whole->read(i, 0, pixels.data() + i * kSide * kSide);
  return std::make_unique<runtime::MemorySource>(runtime::ImageShape{kSide, kSide, 1}, pixels, labels, "images",
                                                 "labels");
}

// The same in three colours that go together without being the same.
std::unique_ptr<runtime::MemorySource> colored(const runtime::MemorySource& grey) {
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels(static_cast<size_t>(grey.size()));
  std::vector<uint8_t> image(static_cast<size_t>(kSide * kSide));
  for (int64_t i = 0; i < grey.size(); ++i) {
    grey.read(i, 0, image.data());
    for (size_t at = 0; at < image.size(); ++at) {
      const int neighbor = image[(at + 1) % image.size()];
      pixels.push_back(image[at]);
      pixels.push_back(static_cast<uint8_t>((image[at] + neighbor) / 2));
      pixels.push_back(static_cast<uint8_t>(250 - image[at] * 3 / 4 - neighbor / 8));
    }
  }
  return std::make_unique<runtime::MemorySource>(runtime::ImageShape{kSide, kSide, 3}, pixels, labels, "images",
                                                 "labels");
}

// The middle of each, spread over all classes; null where there are none.
std::unique_ptr<runtime::MemorySource> photographs(const std::string& split, int64_t count) {
  const std::string folder = KILN_SOURCE_DIR "/examples/cifar10/cifar10/" + split;
  if (!std::filesystem::is_directory(folder)) return nullptr;
  runtime::DataDescription description;
  description.source = runtime::FolderData{{{folder, "", ""}}};
  description.fit.kind = runtime::FitKind::crop;
  description.fit.target = {kSide, kSide, 3};
  const runtime::DataSplits data = runtime::open_data(description);
  const runtime::DataSource& source = *data[runtime::Split::train];
  const auto bytes = static_cast<size_t>(source.image_shape().bytes());
  std::vector<uint8_t> pixels(static_cast<size_t>(count) * bytes);
  for (int64_t i = 0; i < count; ++i)
    source.read(i * source.size() / count, 0, pixels.data() + static_cast<size_t>(i) * bytes);
  return std::make_unique<runtime::MemorySource>(source.image_shape(), pixels,
                                                 std::vector<int32_t>(static_cast<size_t>(count)), "images", "labels");
}

struct Images {
  std::unique_ptr<runtime::MemorySource> train, test;
  runtime::ImageMoments moments;
};

Images measure(std::unique_ptr<runtime::MemorySource> train, std::unique_ptr<runtime::MemorySource> test) {
  runtime::ThreadPool pool(1);
  auto moments = runtime::measure_images(*train, {.covariance = train->image_shape().channels == 1}, pool, {});
  return {std::move(train), std::move(test), std::move(moments)};
}

const Images& images(int64_t channels) {
  static const Images grey = measure(grey_images("train", kTrainImages), grey_images("t10k", kTestImages));
  if (channels == 1) return grey;
  static const Images color = [] {
    auto train = photographs("train", kTrainImages), test = photographs("test", kTestImages);
    std::printf("colour images: %s\n", train != nullptr ? "CIFAR-10" : "made of grey ones");
    return train != nullptr ? measure(std::move(train), std::move(test))
                            : measure(colored(*grey.train), colored(*grey.test));
  }();
  return color;
}

const std::string kConvolution = R"(
  layer { convolution { filters: 8 kernel: 3 padding: 1 } }
  layer { relu {} }
  layer { average_pool { kernel: 4 } }
  layer { dense { units: 10 } }
)";
const std::string kDense = "layer { dense { units: 10 } }";

struct Network {
  frontend::LoadedExperiment loaded;
  std::unique_ptr<ir::Module> module;
};

// Predicts a batch, with every state known.
Network make_network(const std::string& layers, const std::string& preprocess, int64_t channels) {
  const std::string path = testing::TempDir() + "real_images.textproto";
  std::ofstream(path) << "network {" << layers << "layer { softmax_cross_entropy {} } }\n"
                      << "data { image { height: 28 channels: " << channels << " } }\n"
                      << "preprocess {" << preprocess << "}\n"
                      << "training { batch: 100 epochs: 1 sgd {} }\n";
  frontend::Diagnostics diagnostics;
  auto loaded = frontend::load_experiment(path, {}, diagnostics);
  Network network{std::move(*loaded), nullptr};
  network.module = frontend::import_network(network.loaded, {0, 0, {kBatch}}, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.text();
  const auto initial = ir::initial_states(*network.module, 3);
  for (const auto& state : network.module->states()) state->data = initial.at(state->value.name).data;
  const proto::Preprocess& taken = network.loaded.experiment.preprocess();
  if (!frontend::takes_statistics(taken)) return network;
  for (const NamedTensor& made : make_states(taken, images(channels).moments).states) {
    ir::State* state = network.module->find_state(made.name);
    EXPECT_EQ(state->value.type.dims, made.dims);
    state->data.clear();
    for (double value : made.values) state->data.push_back(static_cast<float>(value));
  }
  return network;
}

// The function gives this value and nothing else.
void return_only(ir::Function& function, ir::Value& value) { function.outputs = {{"value", &value}}; }

ir::Value& logits_of(ir::Function& function) {
  for (const auto& node : function.nodes())
    if (node->is<ir::Softmax>()) return node->operand(0);
  throw std::logic_error("no softmax");
}

// The function's only output for each image, behind each other.
std::vector<float> run(ir::Module& module, const runtime::DataSource& source, bool folded) {
  std::vector<std::string_view> passes;
  for (std::string_view pass : passes::inference_pipeline())
    if (folded || (pass != "fold_rotation" && pass != "fold_preprocess")) passes.push_back(pass);
  passes::RunOptions options;
  options.pass.target = ir::target_for(codegen::host_isa_level());
  passes::run_passes(module, passes, options);
  const codegen::Program program(passes::plan_memory(module, options.pass.target), {});
  runtime::Instance instance(program.description(), {});
  for (const auto& state : module.states()) {
    if (state->role == ir::StateRole::constant) continue;
    const std::vector<float> values(state->data.begin(), state->data.end());
    instance.write_state(state->value.index, values.data());
  }
  const kiln_function& predict = runtime::require_function(program.description(), "predict");
  runtime::FunctionMemory memory(predict);
  const auto width = static_cast<size_t>(predict.outputs[0].bytes) / sizeof(float) / kBatch;
  std::vector<float> results;
  const int64_t image_bytes = source.fields()[0].bytes();
  for (int64_t first = 0; first < source.size(); first += kBatch) {
    for (int64_t row = 0; row < kBatch; ++row) source.read(first + row, 0, memory.input(0) + row * image_bytes);
    instance.run(predict, memory.inputs(), memory.outputs(), 0, 0);
    results.insert(results.end(), memory.output(0), memory.output(0) + width * kBatch);
  }
  return results;
}

bool holds(const ir::Module& module, std::string_view op) {
  for (const auto& node : module.functions().front()->nodes())
    if (node->op().name == op) return true;
  return false;
}

int64_t count_of(const ir::Module& module, std::string_view op) {
  const auto& nodes = module.functions().front()->nodes();
  return std::count_if(nodes.begin(), nodes.end(), [&](const auto& node) { return node->op().name == op; });
}

struct FoldingCase {
  const char* name;
  const std::string& layers;
  int64_t channels;
  const char* preprocess;
  bool keeps_normalize; // the subtraction stays in front
  int64_t dense_ops;
};

class Folding : public testing::TestWithParam<FoldingCase> {};

TEST_P(Folding, ChangesNoLogitOfAThousandImages) {
  const FoldingCase& test = GetParam();
  std::vector<float> logits[2];
  for (const bool folded : {false, true}) {
    const Network network = make_network(test.layers, test.preprocess, test.channels);
    ir::Function& predict = *network.module->functions().front();
    return_only(predict, logits_of(predict));
    logits[folded ? 1 : 0] = run(*network.module, *images(test.channels).test, folded);
    if (!folded) continue;
    EXPECT_EQ(holds(*network.module, "normalize_image"), test.keeps_normalize);
    EXPECT_EQ(count_of(*network.module, "dense"), test.dense_ops);
  }
  const auto [least, greatest] = std::minmax_element(logits[0].begin(), logits[0].end());
  const double range = static_cast<double>(*greatest) - static_cast<double>(*least);
  ASSERT_EQ(logits[0].size(), static_cast<size_t>(10 * kTestImages));
  EXPECT_GT(range, 0);
  double worst = 0;
  for (size_t i = 0; i < logits[0].size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(logits[0][i]) - static_cast<double>(logits[1][i])) / range);
  RecordProperty("worst", std::to_string(worst));
  std::printf("%s: worst difference %.2g of the logits' range\n", test.name, worst);
  EXPECT_LE(worst, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    RealImages, Folding,
    testing::Values(
        FoldingCase{"given", kConvolution, 1, "scale: 0.00390625 mean: 0.286 std: 0.353", false, 1},
        FoldingCase{"channel", kConvolution, 3, "zero_center: CHANNEL divide_by_std: CHANNEL", false, 1},
        FoldingCase{"mean_image", kConvolution, 1, "zero_center: PIXEL divide_by_std: CHANNEL", true, 1},
        FoldingCase{"color_pca", kConvolution, 3, "zero_center: CHANNEL pca { of: COLOR }", false, 1},
        FoldingCase{"color_whitening", kConvolution, 3,
                    "scale: 0.00390625 zero_center: CHANNEL pca_whitening { of: COLOR }", true, 1},
        FoldingCase{"color_zca", kConvolution, 3, "scale: 0.00390625 zero_center: PIXEL zca { of: COLOR }", true, 1},
        FoldingCase{"zca_before_convolution", kConvolution, 1, "scale: 0.00390625 zero_center: PIXEL zca {}", true, 2},
        FoldingCase{"mean_image_dense", kDense, 1, "scale: 0.00390625 zero_center: PIXEL", false, 1},
        FoldingCase{"mean_image_dense_color", kDense, 3, "zero_center: PIXEL divide_by_std: CHANNEL", false, 1},
        FoldingCase{"deviations_dense", kDense, 1, "zero_center: PIXEL divide_by_std: PIXEL", true, 1},
        FoldingCase{"like_deviations_dense", kDense, 1, "zero_center: PIXEL divide_by_std: PIXEL least_std: 8", false,
                    1},
        FoldingCase{"min_max_dense", kDense, 1, "min_max {}", false, 1},
        FoldingCase{"color_whitening_dense", kDense, 3,
                    "scale: 0.00390625 zero_center: CHANNEL pca_whitening { of: COLOR }", true, 1},
        FoldingCase{"pca_dense", kDense, 1, "scale: 0.00390625 zero_center: PIXEL pca { components: 100 }", false, 1},
        FoldingCase{"pca_whitening_dense", kDense, 1, "scale: 0.00390625 zero_center: PIXEL pca_whitening {}", true, 1},
        FoldingCase{"zca_dense", kDense, 1, "scale: 0.00390625 zero_center: PIXEL zca {}", true, 1}),
    [](const auto& info) { return std::string(info.param.name); });

// Of rows of `width` values, by products in floats of chunks and sums of them in doubles.
std::vector<double> covariance_of(std::vector<float> rows, int64_t width) {
  const auto count = static_cast<int64_t>(rows.size()) / width;
  for (int64_t i = 0; i < width; ++i) {
    double mean = 0;
    for (int64_t row = 0; row < count; ++row) mean += static_cast<double>(rows[static_cast<size_t>(row * width + i)]);
    const auto center = static_cast<float>(mean / static_cast<double>(count));
    for (int64_t row = 0; row < count; ++row) rows[static_cast<size_t>(row * width + i)] -= center;
  }
  constexpr int64_t kChunk = 1000;
  std::vector<double> sums(static_cast<size_t>(width * width));
  std::vector<float> products(sums.size());
  for (int64_t first = 0; first < count; first += kChunk) {
    const float* chunk = rows.data() + first * width;
    runtime::sgemm(true, false, width, width, std::min(kChunk, count - first), chunk, width, chunk, width, 0,
                   products.data(), width);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(products[i]) / static_cast<double>(count);
  }
  return sums;
}

// The largest covariance of two different values, beside what their variances would allow. Values that hardly vary are
// beside the point: no share of a variance can be told of them.
double largest_correlation(const std::vector<double>& covariance, int64_t width, double least_variance) {
  double largest = 0;
  const auto at = [&](int64_t a, int64_t b) { return covariance[static_cast<size_t>(a * width + b)]; };
  for (int64_t a = 0; a < width; ++a)
    for (int64_t b = 0; b < a; ++b)
      if (at(a, a) > least_variance && at(b, b) > least_variance)
        largest = std::max(largest, std::abs(at(a, b)) / std::sqrt(at(a, a) * at(b, b)));
  return largest;
}

// What layers see of the training images.
std::vector<float> preprocessed(const std::string& preprocess, int64_t channels) {
  const Network network = make_network(kDense, preprocess, channels);
  ir::Function& predict = *network.module->functions().front();
  const ir::Value* image = nullptr;
  for (const auto& node : predict.nodes())
    if (node->is<ir::NormalizeImage>() || (node->is<ir::Dense>() && node->layer.empty())) image = &node->result();
  return_only(predict, const_cast<ir::Value&>(*image));
  return run(*network.module, *images(channels).train, false);
}

TEST(RealImages, AreCorrelatedBefore) {
  const int64_t width = kSide * kSide;
  EXPECT_GT(largest_correlation(covariance_of(preprocessed("zero_center: PIXEL", 1), width), width, 1), 0.9);
}

TEST(RealImages, DecorrelationDecorrelates) {
  const int64_t width = kSide * kSide;
  for (const std::string name : {"pca", "pca_whitening", "zca"}) {
    const std::vector<double> covariance = covariance_of(preprocessed("zero_center: PIXEL " + name + " {}", 1), width);
    const double largest = largest_correlation(covariance, width, name == "pca" ? 1 : 0.5);
    std::printf("%s: largest correlation %.2g\n", name.c_str(), largest);
    EXPECT_LE(largest, 1e-3) << name;
    int64_t whitened = 0;
    for (int64_t i = 0; i < width; ++i)
      whitened += std::abs(covariance[static_cast<size_t>(i * width + i)] - 1) < 1e-3 ? 1 : 0;
    // All but what never changes.
    EXPECT_GT(whitened, name == "pca" ? -1 : width - 20) << name;
  }
}

TEST(RealImages, ColoursAreDecorrelated) {
  for (const std::string name : {"pca", "pca_whitening", "zca"}) {
    const std::vector<float> seen = preprocessed("zero_center: CHANNEL " + name + " { of: COLOR }", 3);
    const int64_t pixels = kSide * kSide, count = static_cast<int64_t>(seen.size()) / 3 / pixels;
    std::vector<double> covariance(9);
    for (int64_t image = 0; image < count; ++image)
      for (int64_t pixel = 0; pixel < pixels; ++pixel)
        for (int64_t a = 0; a < 3; ++a)
          for (int64_t b = 0; b < 3; ++b)
            covariance[static_cast<size_t>(a * 3 + b)] +=
                static_cast<double>(seen[static_cast<size_t>((image * 3 + a) * pixels + pixel)]) *
                static_cast<double>(seen[static_cast<size_t>((image * 3 + b) * pixels + pixel)]) /
                static_cast<double>(count * pixels);
    EXPECT_LE(largest_correlation(covariance, 3, 0), 1e-3) << name;
    for (int64_t i = 0; name != "pca" && i < 3; ++i)
      EXPECT_NEAR(covariance[static_cast<size_t>(i * 4)], 1, 1e-3) << name;
  }
}

} // namespace
} // namespace kiln::statistics
