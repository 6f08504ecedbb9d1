// How images of any size become one size: the plan of each rule, and resampling against the formula.
#include "runtime/fit_image.h"

#include "tests/support/image_files.h"

#include <cmath>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

using kiln::testing::noise_image;

std::vector<int64_t> numbers(const FitAxis& axis) { return {axis.scaled, axis.first, axis.count, axis.offset}; }
using Numbers = std::vector<int64_t>;

std::vector<uint8_t> fit(const FitRule& rule, const Image& image) {
  std::vector<uint8_t> out(static_cast<size_t>(rule.target.bytes()), 99);
  ImageFitter().fit(rule, image, out.data());
  return out;
}

Image row_of(std::vector<uint8_t> values) {
  Image image;
  image.resize({1, static_cast<int64_t>(values.size()), 1});
  image.pixels = std::move(values);
  return image;
}

TEST(PlanFit, ShorterSideCoversAndCropsTheCentre) {
  FitRule rule{.target = {20, 30, 3}};
  FitPlan wide = plan_fit(rule, 100, 300); // by 1/5 to 20 x 60
  EXPECT_EQ(numbers(wide.y), (Numbers{20, 0, 20, 0}));
  EXPECT_EQ(numbers(wide.x), (Numbers{60, 15, 30, 0}));
  FitPlan tall = plan_fit(rule, 100, 90); // by 1/3 to 33 x 30
  EXPECT_EQ(numbers(tall.y), (Numbers{33, 6, 20, 0}));
  EXPECT_EQ(numbers(tall.x), (Numbers{30, 0, 30, 0}));
  rule.shorter_side = 40;
  FitPlan stated = plan_fit(rule, 100, 150);
  EXPECT_EQ(numbers(stated.y), (Numbers{40, 10, 20, 0}));
  EXPECT_EQ(numbers(stated.x), (Numbers{60, 15, 30, 0}));
}

TEST(PlanFit, LetterboxFitsInside) {
  FitRule rule{.kind = FitKind::letterbox, .target = {20, 30, 3}};
  FitPlan wide = plan_fit(rule, 100, 300);
  EXPECT_EQ(numbers(wide.y), (Numbers{10, 0, 10, 5}));
  EXPECT_EQ(numbers(wide.x), (Numbers{30, 0, 30, 0}));
  FitPlan tall = plan_fit(rule, 100, 90);
  EXPECT_EQ(numbers(tall.y), (Numbers{20, 0, 20, 0}));
  EXPECT_EQ(numbers(tall.x), (Numbers{18, 0, 18, 6}));
  EXPECT_EQ(numbers(plan_fit(rule, 1, 10000).y), (Numbers{1, 0, 1, 9})) << "nothing vanishes";
}

TEST(PlanFit, CropTakesTheCentreOrFillsAround) {
  FitPlan plan = plan_fit({.kind = FitKind::crop, .target = {20, 30, 3}}, 25, 10);
  EXPECT_EQ(numbers(plan.y), (Numbers{25, 2, 20, 0}));
  EXPECT_EQ(numbers(plan.x), (Numbers{10, 0, 10, 10}));
}

TEST(PlanFit, EveryRuleFillsTheTargetForEverySize) {
  for (FitKind kind : {FitKind::shorter_side, FitKind::exact, FitKind::letterbox, FitKind::crop})
    for (int64_t height = 1; height < 40; ++height)
      for (int64_t width = 1; width < 40; ++width) {
        FitPlan plan = plan_fit({.kind = kind, .target = {7, 11, 1}}, height, width);
        for (auto [axis, target] : {std::pair{plan.y, int64_t{7}}, {plan.x, int64_t{11}}}) {
          ASSERT_GE(axis.count, 1);
          ASSERT_LE(axis.first + axis.count, axis.scaled);
          ASSERT_LE(axis.offset + axis.count, target);
          const bool covers = kind == FitKind::shorter_side || kind == FitKind::exact;
          ASSERT_TRUE(!covers || axis.count == target);
        }
      }
}

TEST(ImageFitter, BilinearByHand) {
  FitRule halve{.kind = FitKind::exact, .target = {1, 2, 1}};
  // Step and radius 2, centres 1 and 3: weights 0.75, 0.75, 0.25 of three pixels, from either end, over 1.75.
  EXPECT_EQ(fit(halve, row_of({70, 140, 210, 0})), (std::vector<uint8_t>{120, 110}));
  FitRule twice{.kind = FitKind::exact, .target = {1, 4, 1}};
  EXPECT_EQ(fit(twice, row_of({100, 200})), (std::vector<uint8_t>{100, 125, 175, 200}));
  twice.filter = ResampleFilter::nearest;
  EXPECT_EQ(fit(twice, row_of({100, 200})), (std::vector<uint8_t>{100, 100, 200, 200}));
  halve.filter = ResampleFilter::nearest;
  EXPECT_EQ(fit(halve, row_of({70, 140, 210, 0})), (std::vector<uint8_t>{140, 0}));
}

// The formula of fit_image.h, in double, pixel by pixel.
double expected_pixel(const Image& image, const FitPlan& plan, int64_t y, int64_t x, int64_t channel) {
  auto weight = [](const FitAxis& axis, int64_t at, int64_t source) {
    const double step = static_cast<double>(axis.source) / static_cast<double>(axis.scaled);
    const double distance = std::abs(static_cast<double>(source) + 0.5 - (static_cast<double>(at) + 0.5) * step);
    return axis.copies() ? (at == source ? 1.0 : 0.0) : std::max(0.0, 1 - distance / std::max(1.0, step));
  };
  double sum = 0, weights = 0;
  for (int64_t row = 0; row < image.shape.height; ++row)
    for (int64_t column = 0; column < image.shape.width; ++column) {
      const double both = weight(plan.y, y + plan.y.first, row) * weight(plan.x, x + plan.x.first, column);
      const auto at = static_cast<size_t>((row * image.shape.width + column) * image.shape.channels + channel);
      sum += both * image.pixels[at];
      weights += both;
    }
  return sum / weights;
}

// In whole numbers, as fit_image.h says: weights of multiples of 2^-14, values between rows and columns of 2^-7.
std::vector<int64_t> whole_weights(const FitAxis& axis, int64_t at) {
  const double step = static_cast<double>(axis.source) / static_cast<double>(axis.scaled);
  std::vector<double> weights(static_cast<size_t>(axis.source));
  double sum = 0;
  for (int64_t source = 0; source < axis.source; ++source) {
    const double distance = std::abs(static_cast<double>(source) + 0.5 - (static_cast<double>(at) + 0.5) * step);
    double& weight = weights[static_cast<size_t>(source)];
    weight = axis.copies() ? (at == source ? 1.0 : 0.0) : std::max(0.0, 1 - distance / std::max(1.0, step));
    sum += weight;
  }
  std::vector<int64_t> whole;
  double upto = 0;
  int64_t given = 0;
  for (double weight : weights) {
    upto += weight;
    whole.push_back(std::llround(upto / sum * 16384) - given);
    given += whole.back();
  }
  return whole;
}

uint8_t whole_pixel(const Image& image, const FitPlan& plan, int64_t y, int64_t x, int64_t channel) {
  const std::vector<int64_t> rows = whole_weights(plan.y, plan.y.first + y),
                             columns = whole_weights(plan.x, plan.x.first + x);
  int64_t sum = 0;
  for (int64_t column = 0; column < image.shape.width; ++column) {
    int64_t of_rows = 0;
    for (int64_t row = 0; row < image.shape.height; ++row)
      of_rows += rows[static_cast<size_t>(row)] *
                 image.pixels[static_cast<size_t>((row * image.shape.width + column) * image.shape.channels + channel)];
    sum += columns[static_cast<size_t>(column)] * ((of_rows + 64) / 128);
  }
  return static_cast<uint8_t>((sum + (1 << 20)) >> 21);
}

TEST(ImageFitter, IsExactInWholeNumbers) {
  for (const ImageShape& shape :
       {ImageShape{17, 23, 3}, ImageShape{40, 90, 3}, ImageShape{31, 64, 1}, ImageShape{300, 7, 3}})
    for (auto [height, width] : {std::pair<int64_t, int64_t>{7, 9}, {30, 12}, {17, 140}, {1, 1}, {16, 5}}) {
      const Image image = noise_image(shape);
      const FitRule rule{.kind = FitKind::exact, .target = {height, width, shape.channels}};
      const FitPlan plan = plan_fit(rule, shape.height, shape.width);
      const std::vector<uint8_t> out = fit(rule, image);
      for (int64_t at = 0; at < rule.target.bytes(); ++at) {
        const int64_t pixel = at / shape.channels;
        ASSERT_EQ(out[static_cast<size_t>(at)],
                  whole_pixel(image, plan, pixel / width, pixel % width, at % shape.channels))
            << shape.height << "x" << shape.width << " to " << height << "x" << width << " at " << at;
      }
    }
}

TEST(ImageFitter, KeepsItsMemoryButNotItsWeights) {
  ImageFitter fitter;
  for (int64_t side : {20, 31, 20, 20, 64}) {
    const Image image = noise_image({side, 2 * side, 3});
    const FitRule rule{.kind = FitKind::exact, .target = {11, 13, 3}};
    std::vector<uint8_t> out(static_cast<size_t>(rule.target.bytes()));
    fitter.fit(rule, image, out.data());
    EXPECT_EQ(out, fit(rule, image)) << side;
  }
}

TEST(ImageFitter, BilinearFollowsTheFormula) {
  const Image image = noise_image({17, 23, 3});
  for (FitKind kind : {FitKind::shorter_side, FitKind::exact, FitKind::letterbox, FitKind::crop})
    for (const ImageShape& target : {ImageShape{7, 9, 3}, ImageShape{30, 12, 3}, ImageShape{17, 40, 3}}) {
      FitRule rule{.kind = kind, .target = target, .fill = {1, 2, 3}};
      const FitPlan plan = plan_fit(rule, 17, 23);
      const std::vector<uint8_t> out = fit(rule, image);
      for (int64_t y = 0; y < target.height; ++y)
        for (int64_t x = 0; x < target.width; ++x)
          for (int64_t channel = 0; channel < 3; ++channel) {
            const int64_t from_y = y - plan.y.offset, from_x = x - plan.x.offset;
            const bool inside = from_y >= 0 && from_y < plan.y.count && from_x >= 0 && from_x < plan.x.count;
            const double expected =
                inside ? expected_pixel(image, plan, from_y, from_x, channel) : static_cast<double>(channel) + 1;
            // Half for the last rounding; 2^-8 for the one between; 2^-15 of each step from pixel to pixel for weights.
            ASSERT_NEAR(out[static_cast<size_t>((y * target.width + x) * 3 + channel)], expected, 0.5 + 0.05)
                << "rule " << static_cast<int>(kind) << " at " << y << ", " << x;
          }
    }
}

TEST(ImageFitter, KeepsConstantImages) {
  for (int value : {0, 1, 127, 254, 255}) {
    Image image;
    image.resize({13, 19, 1});
    std::fill(image.pixels.begin(), image.pixels.end(), static_cast<uint8_t>(value));
    for (uint8_t pixel : fit({.kind = FitKind::exact, .target = {8, 31, 1}}, image)) ASSERT_EQ(pixel, value);
  }
}

} // namespace
} // namespace kiln::runtime
