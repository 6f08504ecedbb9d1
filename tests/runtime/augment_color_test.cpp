// Colour changes and erasing: each formula against an independent computation in double, and what is drawn.
#include "runtime/augment/augmenter.h"
#include "runtime/augment/color.h"
#include "runtime/augment/erase.h"
#include "runtime/counter_random.h"
#include "runtime/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>

namespace kiln::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;
using Color = std::array<double, 3>;

// Noise, with some greys and extremes.
Bytes colors(const ImageShape& shape) {
  Bytes bytes(static_cast<size_t>(shape.bytes()));
  for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<uint8_t>(random::draw(7, at));
  const Bytes special = {0, 0, 0, 255, 255, 255, 90, 90, 90, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 255, 255, 255, 0, 255};
  std::copy_n(special.begin(), std::min(special.size(), bytes.size()), bytes.begin());
  return bytes;
}

double clamped(double x) { return std::clamp(x, 0.0, 1.0); }
double grey(const Color& c) { return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]; }

// Hue by the angle on the chromatic circle's hexagon, written as 60-degree sectors around each primary.
Color hsv_of(const Color& c) {
  const double most = *std::max_element(c.begin(), c.end()), least = *std::min_element(c.begin(), c.end());
  if (most == least) return {0, 0, most};
  const auto top = static_cast<size_t>(std::max_element(c.begin(), c.end()) - c.begin());
  const double degrees = 120.0 * static_cast<double>(top) + 60 * (c[(top + 1) % 3] - c[(top + 2) % 3]) / (most - least);
  return {std::fmod(degrees + 360, 360) / 360, 1 - least / most, most};
}

// V - V S max(0, min(k, 4 - k, 1)), k = (n + 6 H) mod 6, n = 5, 3, 1.
Color rgb_of(const Color& hsv) {
  Color c{};
  const double n[3] = {5, 3, 1};
  for (size_t i = 0; i < 3; ++i) {
    const double k = std::fmod(n[i] + 6 * hsv[0], 6);
    c[i] = hsv[2] - hsv[2] * hsv[1] * std::max(0.0, std::min({k, 4 - k, 1.0}));
  }
  return c;
}

double wrapped(double turns) { return turns - std::floor(turns); }

Color color_at(const Bytes& image, size_t pixel) {
  return {image[3 * pixel] / 255.0, image[3 * pixel + 1] / 255.0, image[3 * pixel + 2] / 255.0};
}

void expect_near(const Bytes& result, const Bytes& image, const std::function<Color(const Color&)>& change) {
  for (size_t pixel = 0; pixel < image.size() / 3; ++pixel) {
    const Color expected = change(color_at(image, pixel));
    for (size_t i = 0; i < 3; ++i)
      ASSERT_NEAR(result[3 * pixel + i], 255 * expected[i], 0.5 + 1e-3) << pixel << ", " << i;
  }
}

TEST(ColorJitter, FollowsItsFormulas) {
  const ImageShape shape{9, 14, 3};
  const Bytes image = colors(shape);
  Bytes result(image.size());
  for (const ColorJitter& jitter : {ColorJitter{1, 1, 1, 0},
                                    {1.5f, 1, 1, 0},
                                    {0.6f, 1.3f, 1, 0},
                                    {1, 0.4f, 1, 0},
                                    {1, 1, 2, 0},
                                    {1, 1, 0.01f, 0},
                                    {1, 1, 1, 0.25f},
                                    {1, 1, 1, -0.4f},
                                    {1.2f, 0.7f, 1.6f, 0.1f}}) {
    jitter_colors({image.data(), shape}, jitter, result.data());
    const double b = jitter.brightness, c = jitter.contrast, s = jitter.saturation;
    const auto brightened = [&](Color x) {
      for (double& value : x) value = clamped(b * value);
      return x;
    };
    double mean = 0;
    for (size_t pixel = 0; pixel < image.size() / 3; ++pixel) mean += grey(brightened(color_at(image, pixel)));
    mean /= static_cast<double>(image.size()) / 3;
    expect_near(result, image, [&](const Color& from) {
      Color x = brightened(from);
      for (double& value : x) value = clamped(c * value + (1 - c) * mean);
      const double own = grey(x);
      for (double& value : x) value = clamped(s * value + (1 - s) * own);
      Color hsv = hsv_of(x);
      hsv[0] = wrapped(hsv[0] + static_cast<double>(jitter.hue));
      return jitter.hue == 0 ? x : rgb_of(hsv);
    });
  }
  jitter_colors({image.data(), shape}, {}, result.data());
  EXPECT_EQ(result, image);
}

TEST(ColorJitter, OfGreyImagesChangesBrightnessAndContrast) {
  const Bytes image = {0, 100, 200, 255};
  Bytes result(4);
  jitter_colors({image.data(), {2, 2, 1}}, {.brightness = 0.5f, .contrast = 2}, result.data());
  // Halved 0, 50, 100, 127.5 with mean 69.375: 2 x - 69.375.
  EXPECT_THAT(result, ElementsAre(0, 31, 131, 186));
}

TEST(HsvJitter, FollowsItsFormula) {
  const ImageShape shape{9, 14, 3};
  const Bytes image = colors(shape);
  Bytes result(image.size());
  for (const HsvJitter& jitter : {HsvJitter{{1, 1, 0}, {1, 1, 0}, 0},
                                  {{4, 1, 0}, {0.25f, 1, 0}, 0},
                                  {{1, 1.4f, 0.1f}, {1, 0.7f, -0.1f}, 0.1f},
                                  {{0.5f, 0.8f, -0.05f}, {2, 1.2f, 0.02f}, -0.1f}}) {
    jitter_hsv({image.data(), shape}, jitter, result.data());
    const auto bent = [](const HsvJitter::Curve& curve, double x) {
      const double power = curve.power, factor = curve.factor, shift = curve.shift;
      return clamped(factor * std::pow(x, power) + shift);
    };
    expect_near(result, image, [&](const Color& from) {
      const Color hsv = hsv_of(from);
      return rgb_of({wrapped(hsv[0] + static_cast<double>(jitter.hue)), bent(jitter.saturation, hsv[1]),
                     bent(jitter.value, hsv[2])});
    });
  }
  jitter_hsv({image.data(), shape}, {}, result.data());
  EXPECT_EQ(result, image);
}

TEST(Erase, CoversTheRectangleAlone) {
  const Bytes image = {1, 2, 3, 4, 5, 6, 7, 8, 9}, fill = {50};
  Bytes result(9);
  erase({image.data(), {3, 3, 1}}, {1, 0, 2, 2}, {KILN_BORDER_FILL, fill.data(), 1}, {}, result.data());
  EXPECT_THAT(result, ElementsAre(1, 2, 3, 50, 50, 6, 50, 50, 9));
  erase({image.data(), {3, 3, 1}}, {0, 1, 1, 1}, {}, 99, result.data());
  EXPECT_THAT(result, ElementsAre(1, random::draw(99, 1) >> 24, 3, 4, 5, 6, 7, 8, 9));
  const Rectangle part = rectangle_of({40, 100, 3}, 0.1f, 4); // 400 pixels, 40 x 10
  EXPECT_THAT((std::array{part.height, part.width}), ElementsAre(10, 40));
  const Rectangle cut = rectangle_of({40, 100, 3}, 0.9f, 0.1f);
  EXPECT_THAT((std::array{cut.height, cut.width}), ElementsAre(40, 19));
}

kiln_augment_stage stage_of(kiln_augment_kind kind) {
  kiln_augment_stage stage{};
  stage.kind = kind;
  stage.stream = 21;
  for (auto* range :
       {&stage.brightness, &stage.contrast, &stage.saturation, &stage.power, &stage.factor, &stage.aspect})
    (*range)[0] = (*range)[1] = 1;
  return stage;
}

Bytes augmented(const Augmenter& augmenter, const Bytes& image, int64_t sample, int64_t epoch = 0) {
  Augmenter::Scratch scratch = augmenter.make_scratch();
  std::copy(image.begin(), image.end(), augmenter.source(scratch));
  Bytes result(static_cast<size_t>(augmenter.shape().bytes()));
  augmenter.run(scratch, epoch, sample, result.data());
  return result;
}

// Bounds, mean and deviation of what `measure` finds over many samples, and that it lies below the middle half the
// time.
void expect_even(const kiln_augment_stage& stage, const Bytes& image, const ImageShape& shape, double low, double high,
                 double coarse, const std::function<double(const Bytes&)>& measure) {
  const std::vector stages = {stage};
  const Augmenter augmenter(stages, shape, 3);
  const int64_t count = 4000;
  double sum = 0, squares = 0;
  int below = 0;
  for (int64_t sample = 0; sample < count; ++sample) {
    const double value = measure(augmented(augmenter, image, sample));
    EXPECT_GE(value, low - coarse);
    EXPECT_LE(value, high + coarse);
    sum += value;
    squares += value * value;
    below += value < (low + high) / 2;
  }
  const double mean = sum / count, deviation = std::sqrt(squares / count - mean * mean),
               wanted = (high - low) / std::sqrt(12);
  EXPECT_NEAR(mean, (low + high) / 2, 4 * wanted / std::sqrt(count) + coarse);
  EXPECT_NEAR(deviation, wanted, 0.05 * wanted + coarse);
  EXPECT_NEAR(below, count / 2, 4 * std::sqrt(count) / 2 + coarse * count / (high - low));
}

TEST(ColorJitter, DrawsEvenly) {
  const Bytes image = {100, 100, 100};
  kiln_augment_stage stage = stage_of(KILN_AUGMENT_COLOR_JITTER);
  stage.brightness[0] = 0.5, stage.brightness[1] = 1.5;
  expect_even(stage, image, {1, 1, 3}, 0.5, 1.5, 0.005, [](const Bytes& result) { return result[0] / 100.0; });
  stage = stage_of(KILN_AUGMENT_COLOR_JITTER);
  stage.contrast[0] = 0.2, stage.contrast[1] = 1.2; // of 50 and 150 the mean stays
  expect_even(stage, {50, 50, 50, 150, 150, 150}, {1, 2, 3}, 0.2, 1.2, 0.02,
              [](const Bytes& result) { return (result[3] - result[0]) / 100.0; });
  stage = stage_of(KILN_AUGMENT_COLOR_JITTER);
  stage.saturation[0] = 0.5, stage.saturation[1] = 1.5;
  expect_even(stage, {150, 100, 100}, {1, 1, 3}, 0.5, 1.5, 0.03,
              [](const Bytes& result) { return (result[0] - result[1]) / 50.0; });
  stage = stage_of(KILN_AUGMENT_COLOR_JITTER);
  stage.hue = 0.1; // of red: towards yellow or magenta, by 6 * hue of a side
  expect_even(stage, {255, 0, 0}, {1, 1, 3}, -0.1, 0.1, 0.002,
              [](const Bytes& result) { return (result[1] - result[2]) / 255.0 / 6; });
}

TEST(HsvJitter, DrawsAsStated) {
  kiln_augment_stage stage = stage_of(KILN_AUGMENT_HSV_JITTER);
  stage.power[0] = 0.25, stage.power[1] = 4; // of saturation and value on a logarithmic scale, each on its own
  const auto exponent = [](double value, double from) {
    return std::log2(std::log(std::max(value, 1e-3)) / std::log(from));
  };
  const Bytes image = {128, 64, 64};
  expect_even(stage, image, {1, 1, 3}, -2, 2, 0.15,
              [&](const Bytes& result) { return exponent(result[0] / 255.0, 128 / 255.0); });
  double product = 0;
  const std::vector stages = {stage};
  const Augmenter augmenter(stages, {1, 1, 3}, 3);
  for (int64_t sample = 0; sample < 4000; ++sample) {
    const Bytes result = augmented(augmenter, image, sample);
    product += exponent(result[0] / 255.0, 128 / 255.0) * exponent(1 - static_cast<double>(result[1]) / result[0], 0.5);
  }
  EXPECT_NEAR(product / 4000, 0, 0.2) << "independent";
  stage = stage_of(KILN_AUGMENT_HSV_JITTER);
  stage.factor[0] = 0.7, stage.factor[1] = 1.4;
  expect_even(stage, {100, 100, 100}, {1, 1, 3}, 0.7, 1.4, 0.005,
              [](const Bytes& result) { return result[0] / 100.0; });
  stage = stage_of(KILN_AUGMENT_HSV_JITTER);
  stage.shift = 0.1;
  expect_even(stage, {100, 50, 50}, {1, 1, 3}, -0.1, 0.1, 0.002,
              [](const Bytes& result) { return (result[0] - 100) / 255.0; });
  stage = stage_of(KILN_AUGMENT_HSV_JITTER);
  stage.hue = 0.1;
  expect_even(stage, {255, 0, 0}, {1, 1, 3}, -0.1, 0.1, 0.002,
              [](const Bytes& result) { return (result[1] - result[2]) / 255.0 / 6; });
}

TEST(RandomErasing, DrawsAsStated) {
  kiln_augment_stage stage = stage_of(KILN_AUGMENT_RANDOM_ERASING);
  const ImageShape shape{40, 40, 1};
  const Bytes image(1600, 200);
  const auto erased = [](const Bytes& result) {
    return static_cast<double>(std::count(result.begin(), result.end(), 0));
  };
  stage.probability = 1;
  stage.area[0] = 0.1, stage.area[1] = 0.3;
  expect_even(stage, image, shape, 0.1, 0.3, 0.01, [&](const Bytes& result) { return erased(result) / 1600; });
  stage.area[0] = stage.area[1] = 0.04;
  stage.aspect[0] = 0.25, stage.aspect[1] = 4; // 64 pixels: rows from 4 to 16
  const auto rows = [](const Bytes& result) {
    int count = 0;
    for (size_t row = 0; row < 40; ++row) count += std::count(&result[40 * row], &result[40 * row] + 40, 0) > 0;
    return count;
  };
  expect_even(stage, image, shape, 2, 4, 0.1, [&](const Bytes& result) { return std::log2(rows(result)); });
  // Everywhere alike often: the first row of a square of 8 x 8 is one of 33.
  stage.aspect[0] = stage.aspect[1] = 1;
  expect_even(stage, image, shape, -0.5, 32.5, 0.5, [](const Bytes& result) {
    return static_cast<double>((std::find(result.begin(), result.end(), 0) - result.begin()) / 40);
  });
  expect_even(stage, image, shape, -0.5, 32.5, 0.5, [](const Bytes& result) {
    return static_cast<double>((std::find(result.begin(), result.end(), 0) - result.begin()) % 40);
  });
  stage.probability = 0.25;
  std::vector stages = {stage};
  int changed = 0;
  for (int64_t sample = 0; sample < 4000; ++sample)
    changed += augmented(Augmenter(stages, shape, 3), image, sample) != image;
  EXPECT_NEAR(changed, 1000, 4 * std::sqrt(4000 * 0.25 * 0.75));
  // Noise: every byte alike often, another in each sample and epoch.
  stages[0].probability = stages[0].area[0] = stages[0].area[1] = 1;
  stages[0].noise = 1;
  const Augmenter augmenter(stages, shape, 3);
  double chi_square = 0;
  std::array<int, 256> counts{};
  for (int64_t sample = 0; sample < 40; ++sample)
    for (uint8_t byte : augmented(augmenter, image, sample)) ++counts[byte];
  for (int count : counts) chi_square += (count - 250.0) * (count - 250.0) / 250;
  EXPECT_LT(chi_square, 330.5); // 255 degrees of freedom: one in a thousand
  EXPECT_NE(augmented(augmenter, image, 0), augmented(augmenter, image, 1));
  EXPECT_NE(augmented(augmenter, image, 0), augmented(augmenter, image, 0, 1));
}

// Three draws an image, each from a normal distribution of the stated deviation, times what its eigenvector adds.
TEST(FancyPca, AddsNormalMultiplesOfTheEigenvectors) {
  kiln_augment_stage stage = stage_of(KILN_AUGMENT_FANCY_PCA);
  const double colors[9] = {30, 20, 10, -6, 8, 2, 1, 1, -5};
  std::copy_n(colors, 9, stage.colors);
  stage.strength = 0.5;
  const std::vector stages = {stage};
  const Augmenter augmenter(stages, {1, 2, 3}, 3);
  constexpr int samples = 4000;
  double mean[3] = {}, covariance[3][3] = {};
  for (int64_t sample = 0; sample < samples; ++sample) {
    const Bytes result = augmented(augmenter, {128, 128, 128, 100, 100, 100}, sample);
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(result[c] - 128, result[3 + c] - 100) << "all pixels alike";
      mean[c] += (result[c] - 128.0) / samples;
      for (size_t d = 0; d < 3; ++d) covariance[c][d] += (result[c] - 128.0) * (result[d] - 128.0) / samples;
    }
  }
  for (size_t c = 0; c < 3; ++c)
    for (size_t d = 0; d < 3; ++d) {
      double expected = c == d ? 1.0 / 12 : 0; // of rounding
      for (size_t k = 0; k < 3; ++k) expected += 0.25 * colors[3 * k + c] * colors[3 * k + d];
      double largest = 0;
      for (size_t k = 0; k < 3; ++k)
        largest += 0.25 * (colors[3 * k + c] * colors[3 * k + c] + colors[3 * k + d] * colors[3 * k + d]) / 2;
      EXPECT_NEAR(covariance[c][d], expected, 5 * std::sqrt(2.0 / samples) * largest);
    }
  for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(mean[c], 0, 5 * std::sqrt(covariance[c][c] / samples));
}

TEST(FancyPca, StaysWithinBytes) {
  kiln_augment_stage stage = stage_of(KILN_AUGMENT_FANCY_PCA);
  std::fill_n(stage.colors, 9, 1000.0);
  stage.strength = 1;
  const std::vector stages = {stage};
  const Augmenter augmenter(stages, {1, 1, 3}, 3);
  int black = 0, white = 0;
  for (int64_t sample = 0; sample < 50; ++sample) {
    const Bytes result = augmented(augmenter, {128, 128, 128}, sample);
    black += result[0] == 0;
    white += result[0] == 255;
  }
  EXPECT_GT(black, 15);
  EXPECT_GT(white, 15);
}

TEST(Augmenter, ColorsWorkInTheOrderOfTheStages) {
  kiln_augment_stage color = stage_of(KILN_AUGMENT_COLOR_JITTER), erasing = stage_of(KILN_AUGMENT_RANDOM_ERASING);
  color.brightness[0] = color.brightness[1] = 0.5;
  erasing.probability = erasing.area[0] = erasing.area[1] = 1;
  const Bytes fill = {80};
  erasing.outside = {KILN_BORDER_FILL, fill.data(), 1};
  const std::vector darkened_last = {erasing, color}, erased_last = {color, erasing};
  EXPECT_THAT(augmented(Augmenter(darkened_last, {1, 1, 3}, 1), {9, 9, 9}, 0), ElementsAre(40, 40, 40));
  EXPECT_THAT(augmented(Augmenter(erased_last, {1, 1, 3}, 1), {9, 9, 9}, 0), ElementsAre(80, 80, 80));
}

TEST(Augmenter, RefusesToChangeTheColorsOfGreyImages) {
  kiln_augment_stage hue = stage_of(KILN_AUGMENT_COLOR_JITTER), bright = hue;
  hue.hue = 0.1;
  bright.brightness[1] = 2;
  const ImageShape grey_shape{4, 4, 1};
  EXPECT_NO_THROW(Augmenter(std::vector{bright}, grey_shape, 1));
  for (const kiln_augment_stage& stage : {hue, stage_of(KILN_AUGMENT_HSV_JITTER), stage_of(KILN_AUGMENT_FANCY_PCA)}) {
    const std::vector stages = {stage};
    try {
      Augmenter(stages, grey_shape, 1);
      FAIL();
    } catch (const Error& error) {
      EXPECT_THAT(error.message, HasSubstr("images of 1 channels have no colours"));
    }
  }
}

} // namespace
} // namespace kiln::runtime
