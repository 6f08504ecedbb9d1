// Transposed convolution and resizing: values by hand, and by another way than the ops' own.
#include "ir/all_ops.h"
#include "ir/text.h"
#include "tests/support/finite_difference.h"
#include "tests/support/ir_files.h"
#include "tests/support/run_op.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>

namespace kiln::ir {
namespace {

using test::run_op;
using test::tensor;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

std::unique_ptr<Module> read_shapes(const std::string& op) {
  return parse(test::read_text(std::string(KILN_SOURCE_DIR "/tests/shapes/") + op + ".ir"));
}

// --- transposed convolution

ConvTranspose2d::Attributes transposed(Size2 stride, std::array<int64_t, 4> pad, Size2 dst_size) {
  ConvTranspose2d::Attributes attributes;
  attributes.stride = stride;
  attributes.pad = pad;
  attributes.dst_size = dst_size;
  return attributes;
}

TEST(ConvTranspose2d, SpreadsEachPixelOverAWindow) {
  const Tensor src = tensor({1, 1, 1, 2}, {1, 2});
  const Tensor weights = tensor({1, 1, 1, 3}, {1, 10, 100});
  EXPECT_THAT(run_op<ConvTranspose2d>(transposed({1, 1}, {}, {1, 4}), {src, weights}).data,
              ElementsAre(1, 12, 120, 200));
  EXPECT_THAT(run_op<ConvTranspose2d>(transposed({1, 2}, {}, {1, 5}), {src, weights}).data,
              ElementsAre(1, 10, 102, 20, 200));
  // Padding cuts off, output padding adds.
  EXPECT_THAT(run_op<ConvTranspose2d>(transposed({1, 2}, {0, 1, 0, 1}, {1, 3}), {src, weights}).data,
              ElementsAre(10, 102, 20));
  EXPECT_THAT(run_op<ConvTranspose2d>(transposed({1, 2}, {0, 1, 0, 0}, {1, 5}), {src, weights}).data,
              ElementsAre(10, 102, 20, 200, 0));
  EXPECT_THAT(run_op<ConvTranspose2d>(transposed({1, 2}, {0, 0, 0, 2}, {1, 3}), {src, weights}).data,
              ElementsAre(1, 10, 102));
}

TEST(ConvTranspose2d, HasTheWeightsOfTheConvolutionItRunsBackwards) {
  // Two inputs, three outputs: weights[c][o].
  const Tensor src = tensor({1, 2, 1, 1}, {1, 2});
  EXPECT_THAT(
      run_op<ConvTranspose2d>(transposed({1, 1}, {}, {1, 1}), {src, tensor({2, 3, 1, 1}, {1, 10, 100, 1000, 1e4, 1e5})})
          .data,
      ElementsAre(2001, 20010, 200100));
  // Two groups of one input and two outputs.
  ConvTranspose2d::Attributes grouped = transposed({1, 1}, {}, {1, 1});
  grouped.group = 2;
  EXPECT_THAT(run_op<ConvTranspose2d>(grouped, {src, tensor({2, 2, 1, 1}, {1, 10, 100, 1000})}).data,
              ElementsAre(1, 10, 200, 2000));
  grouped.epilogue = {{EpilogueKind::bias}, {EpilogueKind::relu}};
  EXPECT_THAT(
      run_op<ConvTranspose2d>(grouped, {src, tensor({2, 2, 1, 1}, {1, 10, 100, 1000}), tensor({4}, {0.5, -20, 1, 0})})
          .data,
      ElementsAre(1.5, 0, 201, 2000));
}

// Adds each pixel times the filter to a canvas with room for all windows, and cuts the result out of that.
Tensor spread(const ConvTranspose2d::Attributes& a, const Tensor& src, const Tensor& weights) {
  const int64_t outputs = weights.dims[1], KH = weights.dims[2], KW = weights.dims[3];
  const int64_t in_group = src.dims[1] / a.group;
  const int64_t height = a.pad[0] + a.dst_size[0] + a.pad[2] + KH * a.dilation[0];
  const int64_t width = a.pad[1] + a.dst_size[1] + a.pad[3] + KW * a.dilation[1];
  Tensor canvas({src.dims[0], outputs * a.group, height, width});
  for (int64_t n = 0, s = 0; n < src.dims[0]; ++n)
    for (int64_t c = 0; c < src.dims[1]; ++c)
      for (int64_t y = 0; y < src.dims[2]; ++y)
        for (int64_t x = 0; x < src.dims[3]; ++x, ++s)
          for (int64_t o = 0; o < outputs; ++o)
            for (int64_t i = 0; i < KH; ++i)
              for (int64_t j = 0; j < KW; ++j) {
                const int64_t plane = n * outputs * a.group + c / in_group * outputs + o;
                canvas[(plane * height + y * a.stride[0] + i * a.dilation[0]) * width + x * a.stride[1] +
                       j * a.dilation[1]] += src[s] * weights[((c * outputs + o) * KH + i) * KW + j];
              }
  Tensor dst({src.dims[0], outputs * a.group, a.dst_size[0], a.dst_size[1]});
  for (int64_t plane = 0, d = 0; plane < dst.dims[0] * dst.dims[1]; ++plane)
    for (int64_t h = 0; h < a.dst_size[0]; ++h)
      for (int64_t w = 0; w < a.dst_size[1]; ++w, ++d)
        dst[d] = canvas[(plane * height + h + a.pad[0]) * width + w + a.pad[1]];
  return dst;
}

TEST(ConvTranspose2d, AgreesWithSpreadingPixels) {
  const auto module = read_shapes("conv_transpose2d");
  for (const auto& function : module->functions()) {
    SCOPED_TRACE(function->name());
    const Node& node = *function->nodes().front();
    ConvTranspose2d::Attributes attributes = node.attributes<ConvTranspose2d>();
    attributes.epilogue.clear();
    const Tensor src = test::random_tensor(node.operand(0).type.dims, 1);
    const Tensor weights = test::random_tensor(node.operand(1).type.dims, 2);
    const Tensor dst = run_op<ConvTranspose2d>(attributes, {src, weights});
    EXPECT_EQ(dst.dims, node.result().type.dims);
    EXPECT_THAT(dst.data, Pointwise(DoubleNear(1e-12), spread(attributes, src, weights).data));
  }
}

TEST(ConvTranspose2d, CountsFlopsOfTheConvolutionItRunsBackwards) {
  const auto module = parse(R"(func @f(%src: f32[2,64,7,7], %weights: f32[64,32,2,2]) {
    %dst = conv_transpose2d(%src, %weights) {stride=[2,2], dst_size=[14,14]}
    return dst=%dst
  })");
  const Node& node = *module->functions().front()->nodes().front();
  EXPECT_EQ(node.op().flops(node), 2LL * 2 * 64 * 49 * 32 * 4);
}

// --- resize

using Line = std::array<int64_t, 3>;

Tensor resized(ResizeMode mode, const Tensor& src, Size2 size, Line rows, Line columns) {
  return run_op<Resize>({mode, size, rows, columns}, {src});
}

TEST(Resize, NearestTakesTheWholePartOfTheLine) {
  const Tensor src = tensor({1, 1, 2, 2}, {1, 2, 3, 4});
  // o / 2, and 3 columns by 2 o / 3.
  EXPECT_THAT(resized(ResizeMode::nearest, src, {4, 3}, {1, 0, 2}, {2, 0, 3}).data,
              ElementsAre(1, 1, 2, 1, 1, 2, 3, 3, 4, 3, 3, 4));
  // Beyond the edges, the edge.
  EXPECT_THAT(resized(ResizeMode::nearest, src, {1, 4}, {0, 9, 1}, {1, -2, 1}).data, ElementsAre(3, 3, 3, 4));
}

TEST(Resize, WholeNumbersAreExact) {
  // 49 times 1 / 49 is less than 1 in doubles.
  const Tensor src = tensor({1, 1, 1, 2}, {1, 2});
  const Tensor dst = resized(ResizeMode::nearest, src, {1, 98}, {1, 0, 1}, {1, 0, 49});
  EXPECT_EQ(dst[48], 1);
  EXPECT_EQ(dst[49], 2);
}

TEST(Resize, BilinearWeighsByNearness) {
  const Tensor row = tensor({1, 1, 1, 2}, {10, 20});
  // PyTorch, align_corners=False: (o + 1/2) / 2 - 1/2 = (2 o - 1) / 4.
  EXPECT_THAT(resized(ResizeMode::bilinear, row, {1, 4}, {1, 0, 1}, {2, -1, 4}).data, ElementsAre(10, 12.5, 17.5, 20));
  // align_corners=True: o / 3.
  EXPECT_THAT(resized(ResizeMode::bilinear, row, {1, 4}, {1, 0, 1}, {1, 0, 3}).data,
              Pointwise(DoubleNear(1e-12), {10., 40. / 3, 50. / 3, 20.}));
  // Asymmetric: o / 2.
  EXPECT_THAT(resized(ResizeMode::bilinear, row, {1, 4}, {1, 0, 1}, {1, 0, 2}).data, ElementsAre(10, 15, 20, 20));
  // ONNX's example resize_downsample_scales_linear: factor 3/5, (o + 1/2) 5/3 - 1/2 = (5 o + 1) / 3.
  const Tensor image = tensor({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(resized(ResizeMode::bilinear, image, {1, 2}, {5, 1, 3}, {5, 1, 3}).data,
              Pointwise(DoubleNear(1e-12), {8. / 3, 13. / 3}));
}

TEST(Resize, BilinearKeepsALinearImage) {
  // Away from the edges, interpolating a plane gives the plane.
  Tensor src({1, 1, 5, 6});
  for (int64_t h = 0; h < 5; ++h)
    for (int64_t w = 0; w < 6; ++w) src[h * 6 + w] = 3 * static_cast<double>(h) - 2 * static_cast<double>(w);
  const Tensor dst = resized(ResizeMode::bilinear, src, {9, 16}, {4, 0, 8}, {5, 0, 15});
  for (int64_t y = 0; y < 9; ++y)
    for (int64_t x = 0; x < 16; ++x)
      EXPECT_NEAR(dst[y * 16 + x], 3 * static_cast<double>(y) / 2 - 2 * static_cast<double>(x) / 3, 1e-12);
}

TEST(Resize, GradientGoesWhereTheValueCameFrom) {
  ResizeBackward::Attributes attributes;
  attributes.size = {1, 4};
  attributes.columns = {2, -1, 4};
  attributes.src_size = {1, 2};
  const Tensor ddst = tensor({1, 1, 1, 4}, {1, 10, 100, 1000});
  EXPECT_THAT(run_op<ResizeBackward>(attributes, {ddst}).data, ElementsAre(111, 1000));
  attributes.mode = ResizeMode::bilinear;
  EXPECT_THAT(run_op<ResizeBackward>(attributes, {ddst}).data, ElementsAre(1 + 7.5 + 25, 2.5 + 75 + 1000));
}

} // namespace
} // namespace kiln::ir
