// Convolution, pooling and dense: values, sizes, gradient rules, costs and shape files. Expectations are worked by
// hand, or by another way than the op's own. What the ops refuse: ops_conv_pool_dense_refusals_test.cpp.
#include "ir/all_ops.h"
#include "ir/text.h"
#include "tests/support/finite_difference.h"
#include "tests/support/run_op.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <sstream>

namespace kiln::ir {
namespace {

using test::tensor;
using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::Pointwise;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// 1, 2, 3, ...
Tensor counted(Dims dims) {
  Tensor made(std::move(dims));
  std::iota(made.data.begin(), made.data.end(), 1.0);
  return made;
}

Tensor filled(Dims dims, double value) {
  Tensor made(std::move(dims));
  std::fill(made.data.begin(), made.data.end(), value);
  return made;
}

PoolWindow pool(Size2 kernel, Size2 stride, std::array<int64_t, 4> pad = {}, Rounding rounding = Rounding::floor) {
  return {kernel, stride, pad, {1, 1}, rounding};
}

std::unique_ptr<Module> read_shapes(const std::string& op) {
  std::ifstream file(KILN_SOURCE_DIR "/tests/shapes/" + op + ".ir");
  EXPECT_TRUE(file) << "no shape file of " << op;
  std::stringstream text;
  text << file.rdbuf();
  return parse(text.str());
}

// Convolution by way of a padded copy, a matrix of patches and a matrix product.
Tensor convolve_by_patches(const ConvolutionWindow& a, const Tensor& src, const Tensor& weights) {
  const int64_t H = src.dims[2] + a.pad[0] + a.pad[2], W = src.dims[3] + a.pad[1] + a.pad[3];
  const int64_t C = weights.dims[1], KH = weights.dims[2], KW = weights.dims[3], outputs = weights.dims[0] / a.group;
  std::vector<std::vector<double>> rows; // of dst, one per sample and channel
  for (int64_t n = 0; n < src.dims[0]; ++n)
    for (int64_t g = 0; g < a.group; ++g) {
      std::vector<std::vector<double>> patches;
      for (int64_t c = 0; c < C; ++c) {
        std::vector<double> padded(static_cast<size_t>(H * W));
        for (int64_t h = 0; h < src.dims[2]; ++h)
          for (int64_t w = 0; w < src.dims[3]; ++w)
            padded[static_cast<size_t>((h + a.pad[0]) * W + w + a.pad[1])] =
                src[((n * src.dims[1] + g * C + c) * src.dims[2] + h) * src.dims[3] + w];
        for (int64_t i = 0; i < KH; ++i)
          for (int64_t j = 0; j < KW; ++j) {
            std::vector<double>& patch = patches.emplace_back();
            for (int64_t h = i * a.dilation[0]; h + (KH - 1 - i) * a.dilation[0] < H; h += a.stride[0])
              for (int64_t w = j * a.dilation[1]; w + (KW - 1 - j) * a.dilation[1] < W; w += a.stride[1])
                patch.push_back(padded[static_cast<size_t>(h * W + w)]);
          }
      }
      for (int64_t o = 0; o < outputs; ++o) {
        std::vector<double>& row = rows.emplace_back(patches[0].size());
        for (size_t k = 0; k < patches.size(); ++k)
          for (size_t p = 0; p < row.size(); ++p)
            row[p] += weights[(g * outputs + o) * C * KH * KW + static_cast<int64_t>(k)] * patches[k][p];
      }
    }
  Tensor dst;
  for (const auto& row : rows) dst.data.insert(dst.data.end(), row.begin(), row.end());
  return dst;
}

// --- convolution

TEST(Conv2d, CorrelatesAndDoesNotFlip) {
  const Tensor src = counted({1, 1, 3, 3});
  EXPECT_THAT(test::run_op<Conv2d>({}, {src, tensor({1, 1, 2, 2}, {1, 10, 100, 1000})}).data,
              ElementsAre(5421, 6532, 8754, 9865));
  Conv2d::Attributes padded;
  padded.pad = {1, 0, 0, 0};
  EXPECT_THAT(test::run_op<Conv2d>(padded, {src, tensor({1, 1, 2, 2}, {1, 10, 100, 1000})}).data,
              ElementsAre(2100, 3200, 5421, 6532, 8754, 9865));
  Conv2d::Attributes dilated;
  dilated.dilation = {2, 2};
  EXPECT_THAT(test::run_op<Conv2d>(dilated, {src, tensor({1, 1, 2, 2}, {1, 10, 100, 1000})}).data, ElementsAre(9731));
}

TEST(Conv2d, GroupsSeeTheirOwnChannels) {
  Conv2d::Attributes attributes;
  attributes.group = 2;
  const Tensor src = tensor({1, 4, 1, 1}, {1, 2, 3, 4});
  EXPECT_THAT(test::run_op<Conv2d>(attributes, {src, tensor({2, 2, 1, 1}, {1, 10, 1, 10})}).data, ElementsAre(21, 43));
  attributes.group = 4;
  EXPECT_THAT(test::run_op<Conv2d>(attributes, {src, tensor({8, 1, 1, 1}, {1, 10, 1, 10, 1, 10, 1, 10})}).data,
              ElementsAre(1, 10, 2, 20, 3, 30, 4, 40));
}

TEST(Conv2d, AgreesWithPatchesTimesFilters) {
  const auto module = read_shapes("conv2d");
  for (const auto& function : module->functions()) {
    SCOPED_TRACE(function->name());
    const Node& node = *function->nodes().front();
    const Tensor src = test::random_tensor(node.operand(0).type.dims, 1);
    const Tensor weights = test::random_tensor(node.operand(1).type.dims, 2);
    const Tensor dst = test::run_op<Conv2d>(node.attributes<Conv2d>(), {src, weights});
    EXPECT_EQ(dst.dims, node.result().type.dims);
    EXPECT_THAT(dst.data,
                Pointwise(DoubleNear(1e-12), convolve_by_patches(node.attributes<Conv2d>(), src, weights).data));
  }
}

TEST(Conv2d, GradientsByHand) {
  // One row: dst[x] = src[x] w[0] + src[x + 1] w[1].
  const Tensor src = tensor({1, 1, 1, 3}, {1, 2, 3});
  const Tensor weights = tensor({1, 1, 1, 2}, {10, 100});
  const Tensor ddst = tensor({1, 1, 1, 2}, {5, 7});
  Conv2dBackwardData::Attributes data;
  data.src_size = {1, 3};
  EXPECT_THAT(test::run_op<Conv2dBackwardData>(data, {weights, ddst}).data, ElementsAre(50, 570, 700));
  Conv2dBackwardWeights::Attributes filter;
  filter.kernel = {1, 2};
  EXPECT_THAT(test::run_op<Conv2dBackwardWeights>(filter, {src, ddst}).data, ElementsAre(19, 31));
}

TEST(Conv2d, RestoresTheSizesThatStrideForgets) {
  Conv2dBackwardData::Attributes data;
  data.stride = {2, 2};
  for (int64_t size : {3, 4}) { // both give one window a side
    data.src_size = {size, size};
    EXPECT_EQ(test::run_op<Conv2dBackwardData>(data, {filled({1, 1, 3, 3}, 1), filled({1, 1, 1, 1}, 1)}).dims,
              (Dims{1, 1, size, size}));
  }
}

TEST(Conv2d, AppliesItsEpilogueInOrder) {
  Conv2d::Attributes attributes;
  const Tensor src = tensor({1, 1, 1, 2}, {1, -1});
  const Tensor weights = tensor({2, 1, 1, 1}, {1, 2});
  const Tensor bias = tensor({2}, {0.5, -4});
  attributes.epilogue = {{EpilogueKind::bias}, {EpilogueKind::relu}};
  EXPECT_THAT(test::run_op<Conv2d>(attributes, {src, weights, bias}).data, ElementsAre(1.5, 0, 0, 0));
  attributes.epilogue = {{EpilogueKind::relu}, {EpilogueKind::bias}};
  EXPECT_THAT(test::run_op<Conv2d>(attributes, {src, weights, bias}).data, ElementsAre(1.5, 0.5, -2, -4));
  attributes.epilogue = {{EpilogueKind::bias}, {EpilogueKind::leaky_relu, 0.25}, {EpilogueKind::bias}};
  EXPECT_THAT(test::run_op<Conv2d>(attributes, {src, weights, bias, tensor({2}, {100, 200})}).data,
              ElementsAre(101.5, 99.875, 199.5, 198.5));
  attributes.epilogue = {{EpilogueKind::sigmoid}};
  EXPECT_THAT(test::run_op<Conv2d>(attributes, {filled({1, 1, 1, 1}, 0), weights}).data, ElementsAre(0.5, 0.5));
  attributes.epilogue = {{EpilogueKind::tanh}};
  EXPECT_THAT(test::run_op<Conv2d>(attributes, {filled({1, 1, 1, 1}, std::log(2.0)), filled({1, 1, 1, 1}, 1)}).data,
              ElementsAre(DoubleNear(0.6, 1e-12)));
}

TEST(Conv2d, CountsFlopsOfTheFullFilter) {
  // Published: AlexNet's conv1 105,415,200 and (of two groups) conv2 223,948,800 multiply-adds.
  const auto module = parse(R"(
    func @f(%src: f32[1,3,227,227], %w1: f32[96,3,11,11], %src2: f32[4,96,27,27], %w2: f32[256,48,5,5]) {
      %a = conv2d(%src, %w1) {stride=[4,4]}
      %b = conv2d(%src2, %w2) {pad=[2,2,2,2], group=2}
      %c = conv2d_backward_data(%w2, %b) {pad=[2,2,2,2], group=2, src_size=[27,27]}
      %d = conv2d_backward_weights(%src2, %b) {pad=[2,2,2,2], group=2, kernel=[5,5]}
      return
    })");
  std::vector<int64_t> flops;
  for (const auto& node : module->functions()[0]->nodes()) flops.push_back(node->op().flops(*node));
  const int64_t second = int64_t{4} * 2 * 223'948'800;
  EXPECT_THAT(flops, ElementsAre(2 * 105'415'200, second, second, second));
}

TEST(Conv2d, FlopsBeyondCountingSaturate) {
  const auto module = parse(R"(
    func @f(%src: f32[1,1,1,1], %w: f32[1,1,1000000,1000000]) {
      %a = conv2d(%src, %w) {pad=[900000,900000,900000,900000]}
      return
    })");
  const Node& node = *module->functions()[0]->nodes().front();
  EXPECT_EQ(node.op().flops(node), std::numeric_limits<int64_t>::max());
}

// --- windows

TEST(Window, SizesOfKnownNetworks) {
  const auto size = [](int64_t source, int64_t kernel, int64_t stride, int64_t pad, Rounding rounding) {
    return window_of("t", pool({kernel, kernel}, {stride, stride}, {pad, pad, pad, pad}, rounding), {source, source})
        .rows.output();
  };
  EXPECT_EQ(size(24, 2, 2, 0, Rounding::ceil), 12);  // LeNet
  EXPECT_EQ(size(55, 3, 2, 0, Rounding::ceil), 27);  // AlexNet
  EXPECT_EQ(size(112, 3, 2, 0, Rounding::ceil), 56); // GoogLeNet and Caffe's ResNet
  EXPECT_EQ(size(112, 3, 2, 0, Rounding::floor), 55);
  EXPECT_EQ(size(112, 3, 2, 1, Rounding::floor), 56); // PyTorch's ResNet
  EXPECT_EQ(size(112, 3, 2, 1, Rounding::ceil), 57);
  EXPECT_EQ(size(32, 3, 2, 0, Rounding::ceil), 16); // Caffe's CIFAR-10 and NIN
  EXPECT_EQ(size(5, 2, 3, 1, Rounding::ceil), 2);   // a third window would start in the padding after
  EXPECT_EQ(size(1, 2, 2, 0, Rounding::ceil), 1);
}

// Lays windows down one by one, for every small geometry.
TEST(Window, SizesAgreeWithLayingWindowsDown) {
  int64_t tried = 0;
  for (int64_t source = 1; source <= 7; ++source)
    for (int64_t kernel = 1; kernel <= 5; ++kernel)
      for (int64_t stride = 1; stride <= 4; ++stride)
        for (int64_t before = 0; before < kernel; ++before)
          for (int64_t after = 0; after < kernel; ++after) {
            WindowAxis axis{source, kernel, stride, before, after, 1, Rounding::floor};
            int64_t inside = 0;
            while (inside * stride - before + kernel <= source + after) ++inside;
            EXPECT_EQ(std::max<int64_t>(axis.output(), 0), inside);
            axis.rounding = Rounding::ceil;
            if (kernel > axis.padded() + stride - 1) continue; // nothing fits, however rounded
            int64_t covering = 1; // until the padding's end is covered or a window would start beyond the source
            while ((covering - 1) * stride - before + kernel < source + after && covering * stride - before < source)
              ++covering;
            ASSERT_EQ(axis.output(), covering)
                << source << " kernel " << kernel << " stride " << stride << " pad " << before << " " << after;
            for (int64_t i = 0; i < covering; ++i) {
              ASSERT_LT(axis.first_tap(i), axis.end_tap(i)) << "a window of padding alone";
              int64_t counted = 0;
              for (int64_t tap = 0; tap < kernel; ++tap) counted += axis.position(i, tap) < source + after ? 1 : 0;
              ASSERT_EQ(axis.padded_count(i), counted);
            }
            ++tried;
          }
  EXPECT_GT(tried, 1000);
}

// What a pooling window of dilated taps reads, tap by tap, for every small geometry that is not refused.
TEST(Window, CountsDilatedTapsAsLayingThemDownDoes) {
  int64_t tried = 0, refused = 0;
  for (int64_t source = 1; source <= 7; ++source)
    for (int64_t kernel = 1; kernel <= 3; ++kernel)
      for (int64_t dilation = 2; dilation <= 4; ++dilation)
        for (int64_t stride = 1; stride <= 3; ++stride)
          for (int64_t before = 0; before <= 4; ++before)
            for (int64_t after = 0; after <= 4; ++after)
              for (Rounding rounding : {Rounding::floor, Rounding::ceil}) {
                const PoolWindow attributes{{kernel, 1}, {stride, 1}, {before, 0, after, 0}, {dilation, 1}, rounding};
                WindowAxis axis;
                try {
                  axis = window_of("max_pool", attributes, {source, 1}).rows;
                } catch (const TypeError&) {
                  ++refused;
                  continue;
                }
                for (int64_t i = 0; i < axis.output(); ++i) {
                  std::vector<int64_t> inside;
                  int64_t counted = 0;
                  for (int64_t tap = 0; tap < kernel; ++tap) {
                    const int64_t position = i * stride - before + tap * dilation;
                    if (position >= 0 && position < source) inside.push_back(tap);
                    counted += position < source + after ? 1 : 0;
                  }
                  ASSERT_FALSE(inside.empty())
                      << "a window of padding alone: " << source << " kernel " << kernel << " dilation " << dilation
                      << " stride " << stride << " pad " << before << " " << after;
                  ASSERT_EQ(axis.first_tap(i), inside.front());
                  ASSERT_EQ(axis.end_tap(i), inside.back() + 1);
                  ASSERT_EQ(axis.padded_count(i), counted);
                }
                ++tried;
              }
  EXPECT_GT(tried, 1000);
  EXPECT_GT(refused, 100);
}

// --- pooling

TEST(MaxPool, TakesTheLargestOfEachWindow) {
  const Tensor src = tensor({1, 1, 3, 5}, {1, 5, 2, 0, 9, /**/ 3, 4, 8, 7, 6, /**/ 11, 10, 12, 14, 13});
  EXPECT_THAT(test::run_op<MaxPool>({}, {src}).data, ElementsAre(5, 8));
  EXPECT_THAT(test::run_op<MaxPool>({pool({2, 2}, {2, 2}, {}, Rounding::ceil)}, {src}).data,
              ElementsAre(5, 8, 9, 11, 14, 13));
  EXPECT_THAT(test::run_op<MaxPool>({pool({3, 3}, {2, 2}, {1, 1, 1, 1})}, {src}).data,
              ElementsAre(5, 8, 9, 11, 14, 14));
}

TEST(MaxPool, PaddingNeverWins) {
  const Tensor src = filled({1, 1, 2, 2}, -3);
  EXPECT_THAT(test::run_op<MaxPool>({pool({3, 3}, {1, 1}, {1, 1, 1, 1})}, {src}).data, Each(-3));
  EXPECT_THAT(test::run_op<MaxPool>({pool({2, 2}, {1, 1}, {1, 1, 1, 1})}, {filled({1, 1, 1, 1}, -kInfinity)}).data,
              Each(-kInfinity));
}

TEST(MaxPool, GradientGoesToTheFirstOfEqualValues) {
  const Tensor ddst = tensor({1, 1, 1, 1}, {5});
  EXPECT_THAT(test::run_op<MaxPoolBackward>({}, {tensor({1, 1, 2, 2}, {1, 7, 7, 7}), ddst}).data,
              ElementsAre(0, 5, 0, 0));
  EXPECT_THAT(test::run_op<MaxPoolBackward>({}, {filled({1, 1, 2, 2}, -kInfinity), ddst}).data,
              ElementsAre(5, 0, 0, 0));
  // A pixel that wins in several windows gets the sum.
  EXPECT_THAT(test::run_op<MaxPoolBackward>({pool({1, 2}, {1, 1})},
                                            {tensor({1, 1, 1, 4}, {0, 9, 1, 2}), tensor({1, 1, 1, 3}, {5, 7, 11})})
                  .data,
              ElementsAre(0, 12, 0, 11));
}

TEST(MaxPool, TheFirstNaNWins) {
  const Tensor src = tensor({1, 1, 2, 2}, {1, kNaN, kInfinity, kNaN});
  EXPECT_TRUE(std::isnan(test::run_op<MaxPool>({}, {src})[0]));
  EXPECT_THAT(test::run_op<MaxPoolBackward>({}, {src, tensor({1, 1, 1, 1}, {5})}).data, ElementsAre(0, 5, 0, 0));
}

TEST(AveragePool, DividesAsPyTorchAndCaffe) {
  // 3x3 stride 2 pad 1 with ceil on 4x6 ones: what a window holds over what is counted of it.
  AveragePool::Attributes attributes{pool({3, 3}, {2, 2}, {1, 1, 1, 1}, Rounding::ceil), true};
  const Tensor ones = filled({1, 1, 4, 6}, 1);
  EXPECT_THAT(test::run_op<AveragePool>(attributes, {ones}).data,
              Pointwise(DoubleNear(1e-15), {4. / 9, 6. / 9, 6. / 9, 2. / 6, /**/ 6. / 9, 1., 1., 3. / 6,
                                            /**/ 2. / 6, 3. / 6, 3. / 6, 1. / 4}));
  attributes.count_include_pad = false;
  EXPECT_THAT(test::run_op<AveragePool>(attributes, {ones}).data, Each(DoubleNear(1, 1e-15)));
  // Without padding what ceil lets hang over is never counted.
  AveragePool::Attributes ceil{pool({2, 2}, {2, 2}, {}, Rounding::ceil), true};
  EXPECT_THAT(test::run_op<AveragePool>(ceil, {counted({1, 1, 3, 3})}).data, ElementsAre(3, 4.5, 7.5, 9));
}

TEST(MaxPool, DilatedWindowsSkipWhatLiesBetween) {
  // ONNX's example maxpool_2d_dilations: 1 to 16 in rows of four, kernel 2, stride 1, dilation 2.
  PoolWindow window = pool({2, 2}, {1, 1});
  window.dilation = {2, 2};
  EXPECT_THAT(test::run_op<MaxPool>({window}, {counted({1, 1, 4, 4})}).data, ElementsAre(11, 12, 15, 16));
  const Tensor src = tensor({1, 1, 1, 5}, {9, 1, 2, 8, 3});
  window = pool({1, 2}, {1, 1});
  window.dilation = {1, 3};
  EXPECT_THAT(test::run_op<MaxPool>({window}, {src}).data, ElementsAre(9, 3));
  EXPECT_THAT(test::run_op<MaxPoolBackward>({window}, {src, tensor({1, 1, 1, 2}, {5, 7})}).data,
              ElementsAre(5, 0, 0, 0, 7));
}

TEST(AveragePool, DilatedWindowsCountTheirOwnTaps) {
  // Taps 2 apart with a padding of 2: {-, 1}, {-, 2}, {1, 3}, {2, -}, {3, -}; the last two lie on padding.
  PoolWindow window = pool({1, 2}, {1, 1}, {0, 2, 0, 2});
  window.dilation = {1, 2};
  const Tensor src = tensor({1, 1, 1, 3}, {1, 2, 3});
  EXPECT_THAT(test::run_op<AveragePool>({window, true}, {src}).data, ElementsAre(0.5, 1, 2, 1, 1.5));
  EXPECT_THAT(test::run_op<AveragePool>({window, false}, {src}).data, ElementsAre(1, 2, 2, 2, 3));
  // With ceil, a tap beyond the padding is not counted: {1, 3}, {3, beyond}.
  window = pool({1, 2}, {1, 2}, {}, Rounding::ceil);
  window.dilation = {1, 2};
  EXPECT_THAT(test::run_op<AveragePool>({window, true}, {src}).data, ElementsAre(2));
  window.pad = {0, 0, 0, 1};
  EXPECT_THAT(test::run_op<AveragePool>({window, true}, {src}).data, ElementsAre(2, 3));
}

// Caffe's pooling.cpp, for its symmetric padding, on odd and even sizes.
TEST(AveragePool, CeilingIsCaffes) {
  for (int64_t input = 1; input <= 9; ++input)
    for (int64_t kernel = 1; kernel <= 4; ++kernel)
      for (int64_t stride = 1; stride <= kernel; ++stride)
        for (int64_t pad = 0; pad < kernel; ++pad) {
          const int64_t slack = input + 2 * pad - kernel;
          if (slack < 0) continue;
          int64_t pooled = (slack + stride - 1) / stride + 1;
          if (pad > 0 && (pooled - 1) * stride >= input + pad) --pooled;
          std::vector<double> expected;
          for (int64_t p = 0; p < pooled; ++p) {
            int64_t start = p * stride - pad;
            int64_t end = std::min(start + kernel, input + pad);
            const auto divisor = static_cast<double>(end - start);
            start = std::max<int64_t>(start, 0);
            end = std::min(end, input);
            double sum = 0;
            for (int64_t i = start; i < end; ++i) sum += static_cast<double>(i + 1);
            expected.push_back(sum / divisor);
          }
          const AveragePool::Attributes attributes{pool({1, kernel}, {1, stride}, {0, pad, 0, pad}, Rounding::ceil),
                                                   true};
          EXPECT_THAT(test::run_op<AveragePool>(attributes, {counted({1, 1, 1, input})}).data,
                      Pointwise(DoubleNear(1e-12), expected))
              << input << " kernel " << kernel << " stride " << stride << " pad " << pad;
        }
}

TEST(AveragePool, GradientSpreadsOverTheSource) {
  AveragePoolBackward::Attributes attributes{{pool({2, 2}, {2, 2}, {}, Rounding::ceil), true}, {3, 3}};
  EXPECT_THAT(test::run_op<AveragePoolBackward>(attributes, {tensor({1, 1, 2, 2}, {4, 8, 12, 16})}).data,
              ElementsAre(1, 1, 4, 1, 1, 4, 6, 6, 16));
}

// --- dense

TEST(Dense, MultipliesByTheTransposedWeights) {
  const Tensor src = tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor weights = tensor({2, 3}, {1, 10, 100, -1, 0, 1});
  EXPECT_THAT(test::run_op<Dense>({}, {src, weights}).data, ElementsAre(321, 2, 654, 2));
  const Tensor ddst = tensor({2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(test::run_op<DenseBackwardData>({}, {weights, ddst}).data, ElementsAre(-1, 10, 102, -1, 30, 304));
  EXPECT_THAT(test::run_op<DenseBackwardWeights>({}, {src, ddst}).data, ElementsAre(13, 17, 21, 18, 24, 30));
  Dense::Attributes fused;
  fused.epilogue = {{EpilogueKind::bias}, {EpilogueKind::relu}};
  EXPECT_THAT(test::run_op<Dense>(fused, {src, weights, tensor({2}, {-400, 1})}).data, ElementsAre(0, 3, 254, 3));
}

TEST(Dense, CountsFlops) {
  const auto module = parse(R"(
    func @f(%src: f32[64,800], %w: f32[500,800]) {
      %a = dense(%src, %w)
      %b = dense_backward_data(%w, %a)
      %c = dense_backward_weights(%src, %a)
      return
    })");
  for (const auto& node : module->functions()[0]->nodes()) EXPECT_EQ(node->op().flops(*node), 51'200'000);
}

// --- epilogue text

TEST(Epilogue, HasATextAndCountsItsOperands) {
  EXPECT_EQ(to_string(Epilogue{}), "[]");
  const Epilogue epilogue = {{EpilogueKind::bias}, {EpilogueKind::leaky_relu, 0.01}, {EpilogueKind::relu},
                             {EpilogueKind::bias}, {EpilogueKind::sigmoid},          {EpilogueKind::tanh}};
  EXPECT_EQ(to_string(epilogue), "[bias, leaky_relu(0.01), relu, bias, sigmoid, tanh]");
  EXPECT_EQ(operand_count(epilogue), 2);
  const Epilogue operands = {{EpilogueKind::scale},
                             {EpilogueKind::clip, -1, 6},
                             {EpilogueKind::add},
                             {EpilogueKind::silu},
                             {EpilogueKind::hard_swish}};
  EXPECT_EQ(to_string(operands), "[scale, clip(-1, 6), add, silu, hard_swish]");
  EXPECT_THAT(operand_kinds(operands), ElementsAre(EpilogueKind::scale, EpilogueKind::add));
  const std::string text = "func @f(%x: f32[1,2], %w: f32[3,2], %b: f32[3], %c: f32[3]) {\n"
                           "  %y = dense(%x, %w, %b, %c) {epilogue=" +
                           to_string(epilogue) + "}\n  return y=%y\n}\n";
  const auto module = parse(text);
  EXPECT_EQ(module->functions()[0]->nodes().front()->attributes<Dense>().epilogue, epilogue);
  EXPECT_EQ(print(*parse(print(*module))), print(*module));
}

// --- gradient rules and shape files

class ShapeFile : public testing::TestWithParam<std::string> {};

TEST_P(ShapeFile, RoundTripsThroughText) {
  const auto module = read_shapes(GetParam());
  EXPECT_EQ(print(*parse(print(*module))), print(*module));
  for (const auto& function : module->functions()) {
    ASSERT_EQ(function->nodes().size(), 1U) << function->name();
    EXPECT_EQ(function->nodes().front()->op().name, GetParam());
  }
}

TEST_P(ShapeFile, GradientRuleAgreesWithDifferences) {
  const auto module = read_shapes(GetParam());
  for (const auto& function : module->functions()) {
    const Node& node = *function->nodes().front();
    std::vector<TensorType> types;
    std::vector<Tensor> values;
    for (const Value* operand : node.operands()) {
      types.push_back(operand->type);
      values.push_back(test::random_tensor(operand->type.dims, 77 + types.size()));
    }
    const auto check = test::check_gradient(node.op(), node.raw_attributes(), types, values);
    EXPECT_LT(check.worst_error, 1e-6) << function->name() << ": " << check.where;
    EXPECT_GT(check.largest_gradient, 1e-3) << function->name();
    EXPECT_THAT(check.given, testing::AllOf(testing::SizeIs(types.size()), Each(true))) << function->name();
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, ShapeFile, testing::Values("conv2d", "max_pool", "average_pool", "dense"),
                         [](const auto& info) { return info.param; });

// Wants the gradients it is told to want, and records what the rule made.
class Recorder final : public GradientBuilder {
public:
  Recorder(Function& function, Value& seed, std::vector<bool> wanted)
      : function_(function), seed_(seed), wanted_(std::move(wanted)) {}
  Value* result_gradient(size_t) override { return &seed_; }
  bool wants(size_t operand) const override { return wanted_.at(operand); }
  void set_operand_gradient(size_t operand, Value&) override { given.push_back(operand); }
  Value& create(const OpInfo& op, Attributes attributes, std::vector<Value*> operands, std::string_view role) override {
    made.emplace_back(op.name);
    return function_.create(op, std::move(attributes), std::move(operands), role).result();
  }

  std::vector<size_t> given;
  std::vector<std::string> made;

private:
  Function& function_;
  Value& seed_;
  std::vector<bool> wanted_;
};

TEST(GradientRules, BuildOnlyWhatIsWanted) {
  const auto module = parse(R"(
    func @conv(%src: f32[1,3,4,4], %weights: f32[5,3,3,3], %ddst: f32[1,5,2,2]) {
      %dst = conv2d(%src, %weights)
      return
    }
    func @dense(%src: f32[2,3], %weights: f32[5,3], %ddst: f32[2,5]) {
      %dst = dense(%src, %weights)
      return
    })");
  for (const auto& [name, op] : {std::pair{"conv", "conv2d"}, std::pair{"dense", "dense"}}) {
    Function& function = *module->find_function(name);
    const Node& node = *function.nodes().front();
    Value& ddst = *function.find_input("ddst");
    Recorder data(function, ddst, {true, false});
    node.op().gradient(data, node);
    EXPECT_THAT(data.given, ElementsAre(0));
    EXPECT_THAT(data.made, ElementsAre(std::string(op) + "_backward_data"));
    Recorder weights(function, ddst, {false, true});
    node.op().gradient(weights, node);
    EXPECT_THAT(weights.given, ElementsAre(1));
    EXPECT_THAT(weights.made, ElementsAre(std::string(op) + "_backward_weights"));
  }
}

TEST(GradientRules, RefuseFusedOps) {
  const auto module = parse(R"(
    func @conv(%src: f32[1,1,1,1], %weights: f32[1,1,1,1], %ddst: f32[1,1,1,1]) {
      %dst = conv2d(%src, %weights) {epilogue=[relu]}
      return
    }
    func @dense(%src: f32[1,1], %weights: f32[1,1], %ddst: f32[1,1]) {
      %dst = dense(%src, %weights) {epilogue=[relu]}
      return
    })");
  for (const auto& function : module->functions()) {
    const Node& node = *function->nodes().front();
    Recorder builder(*function, *function->find_input("ddst"), {true, true});
    EXPECT_THROW(node.op().gradient(builder, node), std::logic_error);
  }
}

} // namespace
} // namespace kiln::ir
