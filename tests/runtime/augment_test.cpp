// Augmentation: exact geometry of each stage, what is drawn and of what that depends.
#include "runtime/augment/augmenter.h"
#include "runtime/augment/crop.h"
#include "runtime/augment/flip.h"
#include "runtime/augment/rotate_scale.h"
#include "runtime/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <numbers>
#include <numeric>
#include <set>
#include <string>

namespace kiln::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Bytes = std::vector<uint8_t>;

// Bytes that differ from their neighbours.
Bytes pattern(const ImageShape& shape, uint32_t seed = 1) {
  Bytes bytes(static_cast<size_t>(shape.bytes()));
  uint32_t state = seed;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

Bytes flipped(const Bytes& image, const ImageShape& shape) {
  Bytes result(image.size());
  flip_image({image.data(), shape}, result.data());
  return result;
}

Bytes cropped(const Bytes& image, const ImageShape& shape, int64_t top, int64_t left, int64_t height, int64_t width,
              const kiln_outside& outside) {
  Bytes result(static_cast<size_t>(height * width * shape.channels), 77);
  crop_image({image.data(), shape}, top, left, height, width, outside, result.data());
  return result;
}

Bytes turned(const Bytes& image, const ImageShape& shape, const Turn& turn, const kiln_outside& outside = {}) {
  Bytes result(image.size());
  rotate_scale_image({image.data(), shape}, turn, outside, result.data());
  return result;
}

TEST(Flip, PutsTheLastColumnFirst) {
  EXPECT_THAT(flipped({1, 2, 3, 4, 5, 6}, {2, 3, 1}), ElementsAre(3, 2, 1, 6, 5, 4));
  EXPECT_THAT(flipped({1, 2, 3, 4, 5, 6}, {1, 2, 3}), ElementsAre(4, 5, 6, 1, 2, 3));
  EXPECT_THAT(flipped({1, 2, 3, 4, 5, 6}, {1, 3, 2}), ElementsAre(5, 6, 3, 4, 1, 2));
}

TEST(Flip, TwiceIsTheIdentity) {
  for (const ImageShape shape : {ImageShape{5, 7, 1}, {4, 6, 3}, {3, 5, 4}}) {
    const Bytes image = pattern(shape);
    EXPECT_NE(flipped(image, shape), image);
    EXPECT_EQ(flipped(flipped(image, shape), shape), image);
  }
}

TEST(Crop, TakesAPartAndFillsWhatLiesOutside) {
  const Bytes image = {1, 2, 3, 4, 5, 6}; // 2 x 3
  const uint8_t fill = 9;
  EXPECT_THAT(cropped(image, {2, 3, 1}, 0, 1, 2, 2, {}), ElementsAre(2, 3, 5, 6));
  EXPECT_THAT(cropped(image, {2, 3, 1}, -1, -1, 2, 3, {KILN_BORDER_FILL, &fill, 1}), ElementsAre(9, 9, 9, 9, 1, 2));
  EXPECT_THAT(cropped(image, {2, 3, 1}, 1, 2, 2, 2, {}), ElementsAre(6, 0, 0, 0));
  EXPECT_THAT(cropped(image, {2, 3, 1}, 0, -3, 1, 9, {KILN_BORDER_EDGE, nullptr, 0}),
              ElementsAre(1, 1, 1, 1, 2, 3, 3, 3, 3));
  EXPECT_THAT(cropped(image, {2, 3, 1}, 0, -3, 1, 9, {KILN_BORDER_REFLECT, nullptr, 0}),
              ElementsAre(2, 3, 2, 1, 2, 3, 2, 1, 2));
  // Rows likewise, here the second, the first, the second and the first.
  EXPECT_THAT(cropped(image, {2, 3, 1}, -1, 0, 4, 1, {KILN_BORDER_REFLECT, nullptr, 0}), ElementsAre(4, 1, 4, 1));
  EXPECT_THAT(cropped({5}, {1, 1, 1}, -1, -1, 2, 2, {KILN_BORDER_REFLECT, nullptr, 0}), ElementsAre(5, 5, 5, 5));
}

TEST(Crop, FillsEachChannelWithItsValue) {
  const Bytes fill = {7, 8, 9};
  EXPECT_THAT(cropped({1, 2, 3}, {1, 1, 3}, 0, -1, 1, 2, {KILN_BORDER_FILL, fill.data(), 3}),
              ElementsAre(7, 8, 9, 1, 2, 3));
}

TEST(RotateScale, ByNothingIsTheIdentity) {
  for (const ImageShape shape : {ImageShape{5, 8, 1}, {28, 28, 1}, {32, 32, 3}}) {
    const Bytes image = pattern(shape);
    EXPECT_EQ(turned(image, shape, {}), image);
  }
}

TEST(RotateScale, ByAQuarterMovesPixelsExactly) {
  // What points to the right comes to point downwards.
  const Bytes image = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  constexpr auto quarter = static_cast<float>(std::numbers::pi / 2);
  EXPECT_THAT(turned(image, {3, 3, 1}, {quarter, 1, 1}), ElementsAre(7, 4, 1, 8, 5, 2, 9, 6, 3));
  const ImageShape shape{8, 8, 3};
  const Bytes start = pattern(shape);
  Bytes once = turned(start, shape, {quarter, 1, 1});
  EXPECT_EQ(turned(once, shape, {-quarter, 1, 1}), start);
  EXPECT_EQ(turned(once, shape, {quarter, 1, 1}), turned(start, shape, {2 * quarter, 1, 1}));
}

TEST(RotateScale, ByHalfATurnReversesAll) {
  const ImageShape shape{4, 5, 1};
  const Bytes image = pattern(shape);
  EXPECT_EQ(turned(image, shape, {static_cast<float>(std::numbers::pi), 1, 1}), Bytes(image.rbegin(), image.rend()));
}

TEST(RotateScale, InterpolatesBetweenFourPixels) {
  // A row of five about its middle, spread to twice its width: 30, 35, 40 and so on between 20, 30, 40, 50.
  const Bytes image = {10, 20, 30, 40, 50};
  EXPECT_THAT(turned(image, {1, 5, 1}, {0, 2, 1}), ElementsAre(20, 25, 30, 35, 40));
  // And shrunk to half of it: beyond the image's ends lies what is stated.
  const uint8_t fill = 100;
  EXPECT_THAT(turned(image, {1, 5, 1}, {0, 0.5F, 1}, {KILN_BORDER_FILL, &fill, 1}), ElementsAre(100, 10, 30, 50, 100));
  EXPECT_THAT(turned(image, {1, 5, 1}, {0, 0.5F, 1}, {KILN_BORDER_EDGE, nullptr, 0}), ElementsAre(10, 10, 30, 50, 50));
  EXPECT_THAT(turned(image, {1, 5, 1}, {0, 0.5F, 1}, {KILN_BORDER_REFLECT, nullptr, 0}),
              ElementsAre(30, 10, 30, 50, 30));
  // Half between values rounds up: 10 + 0.75 * 2 and 10 + 0.25 * 2.
  EXPECT_THAT(turned({12, 10}, {1, 2, 1}, {0, 2, 1}), ElementsAre(12, 11));
}

kiln_augment_stage flip_stage(double probability) {
  kiln_augment_stage stage{};
  stage.kind = KILN_AUGMENT_FLIP;
  stage.stream = 11;
  stage.probability = probability;
  return stage;
}

kiln_augment_stage crop_stage(int64_t side, int64_t padding) {
  kiln_augment_stage stage{};
  stage.kind = KILN_AUGMENT_RANDOM_CROP;
  stage.stream = 12;
  stage.height = stage.width = side;
  stage.padding = padding;
  return stage;
}

kiln_augment_stage turn_stage(double angle, double low, double high, bool logarithmic) {
  kiln_augment_stage stage{};
  stage.kind = KILN_AUGMENT_ROTATE_SCALE;
  stage.stream = 13;
  stage.angle = angle;
  stage.scale[0] = low;
  stage.scale[1] = high;
  stage.aspect[0] = stage.aspect[1] = 1;
  stage.logarithmic = logarithmic ? 1 : 0;
  return stage;
}

Bytes augmented(const Augmenter& augmenter, const Bytes& image, int64_t epoch, int64_t sample) {
  Augmenter::Scratch scratch = augmenter.make_scratch();
  std::copy(image.begin(), image.end(), augmenter.source(scratch));
  Bytes result(static_cast<size_t>(augmenter.shape().bytes()));
  augmenter.run(scratch, epoch, sample, result.data());
  return result;
}

TEST(Augmenter, DrawsDependOnSeedEpochSampleAndStageAlone) {
  const ImageShape shape{9, 9, 3};
  const Bytes image = pattern(shape);
  const std::vector stages = {turn_stage(0.3, 0.8, 1.2, true), crop_stage(9, 2), flip_stage(0.5)};
  const Augmenter augmenter(stages, shape, 5), again(stages, shape, 5), other_seed(stages, shape, 6);
  std::set<std::string> seen;
  for (int64_t epoch = 0; epoch < 3; ++epoch)
    for (int64_t sample = 0; sample < 3; ++sample) {
      const Bytes result = augmented(augmenter, image, epoch, sample);
      EXPECT_EQ(augmented(again, image, epoch, sample), result);
      EXPECT_NE(augmented(other_seed, image, epoch, sample), result);
      seen.emplace(result.begin(), result.end());
    }
  EXPECT_EQ(seen.size(), 9U);
  // Another stage in front leaves a stage's draws what they are.
  const std::vector alone = {crop_stage(9, 2)};
  const std::vector behind = {flip_stage(1), crop_stage(9, 2)};
  for (int64_t sample = 0; sample < 5; ++sample)
    EXPECT_EQ(augmented(Augmenter(behind, shape, 5), flipped(image, shape), 0, sample),
              augmented(Augmenter(alone, shape, 5), image, 0, sample));
}

TEST(Augmenter, FlipsAsOftenAsStated) {
  const ImageShape shape{1, 2, 1};
  const Bytes image = {1, 2};
  for (const auto& [probability, expected] : {std::pair(0.0, 0), {0.5, 2000}, {0.25, 1000}, {1.0, 4000}}) {
    const std::vector stages = {flip_stage(probability)};
    const Augmenter augmenter(stages, shape, 3);
    int flips = 0;
    for (int64_t sample = 0; sample < 4000; ++sample) flips += augmented(augmenter, image, 1, sample)[0] == 2;
    EXPECT_NEAR(flips, expected, 4 * std::sqrt(4000 * probability * (1 - probability))) << probability;
  }
}

TEST(Augmenter, CropsEverywhereAlikeOften) {
  // Each pixel says where it stands, so that the result's first pixel says where it was cut.
  const ImageShape shape{8, 8, 1};
  Bytes image(64);
  std::iota(image.begin(), image.end(), uint8_t{1});
  const std::vector stages = {crop_stage(6, 1)};
  const Augmenter augmenter(stages, shape, 9);
  EXPECT_EQ(augmenter.shape(), (ImageShape{6, 6, 1}));
  const int64_t places = 5; // from -1 to 3
  std::map<std::pair<int, int>, int> counts;
  const int draws = 20000;
  for (int64_t sample = 0; sample < draws; ++sample) {
    const Bytes part = augmented(augmenter, image, 0, sample);
    const int second = part[7] - 1; // one right and one down of the first: always inside
    ++counts[{second / 8 - 1, second % 8 - 1}];
  }
  ASSERT_EQ(counts.size(), static_cast<size_t>(places * places));
  double chi_square = 0;
  const double expected = static_cast<double>(draws) / (places * places);
  for (const auto& [place, count] : counts) {
    EXPECT_GE(place.first, -1);
    EXPECT_LE(place.first, 3);
    chi_square += (count - expected) * (count - expected) / expected;
  }
  EXPECT_LT(chi_square, 51.2); // 24 degrees of freedom: one in a thousand
}

TEST(Augmenter, ScalesByTheRangeEvenlyOrByLogarithm) {
  // A bright dot left of the middle wanders out by the factor.
  const ImageShape shape{1, 129, 1};
  Bytes image(129);
  for (size_t i = 64; i < 129; ++i) image[i] = static_cast<uint8_t>(2 * (i - 64)); // a ramp: its slope is 2 / factor
  for (const bool logarithmic : {false, true}) {
    const std::vector stages = {turn_stage(0, 0.5, 2, logarithmic)};
    const Augmenter augmenter(stages, shape, 4);
    int below_one = 0;
    for (int64_t sample = 0; sample < 2000; ++sample) below_one += augmented(augmenter, image, 0, sample)[64 + 25] > 50;
    EXPECT_NEAR(below_one, logarithmic ? 1000 : 667, 100);
  }
}

TEST(Augmenter, RefusesWhatDoesNotFit) {
  const std::vector large = {crop_stage(12, 1)};
  try {
    Augmenter(large, {9, 9, 1}, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("too small for parts of 12x12"));
  }
  const Bytes fill = {1, 2};
  std::vector stages = {crop_stage(9, 1)};
  stages[0].outside = {KILN_BORDER_FILL, fill.data(), 2};
  EXPECT_THROW(Augmenter(stages, {9, 9, 3}, 1), Error);
}

std::unique_ptr<MemorySource> two_images(const ImageShape& shape) {
  Bytes pixels = pattern(shape), second = pattern(shape, 2);
  pixels.insert(pixels.end(), second.begin(), second.end());
  return std::make_unique<MemorySource>(shape, pixels, std::vector<int32_t>{3, 4}, "images", "labels");
}

TEST(CropCenter, CutsTheMiddleOut) {
  const ImageShape shape{5, 6, 3};
  const Bytes image = pattern(shape, 2);
  const auto source = two_images(shape);
  const auto middle = crop_center(*source, 2, 4);
  EXPECT_EQ(middle->image_shape(), (ImageShape{2, 4, 3}));
  EXPECT_EQ(middle->size(), 2);
  Bytes part(24);
  int32_t label = 0;
  middle->read(1, 0, part.data());
  middle->read(1, 1, &label);
  EXPECT_EQ(label, 4);
  EXPECT_EQ(part, cropped(image, shape, 1, 1, 2, 4, {}));
  EXPECT_THROW(crop_center(*source, 6, 6), Error);
  EXPECT_THROW(crop_center(two_images(shape), 5, 7), Error);
  EXPECT_EQ(crop_center(two_images(shape), 5, 6)->image_shape(), shape);
}

} // namespace
} // namespace kiln::runtime
