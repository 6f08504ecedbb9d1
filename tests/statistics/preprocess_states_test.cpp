// What pre-processing takes from images, against the formulas worked step by step on the images themselves, as an array
// language would: subtract the mean over images, divide by the standard deviation over images, and so on.
#include "tools/statistics/preprocess_states.h"

#include "runtime/error.h"

#include <cmath>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace kiln::statistics {
namespace {

using testing::HasSubstr;

constexpr int64_t kHeight = 3, kWidth = 2, kChannels = 3, kImages = 40;
constexpr int64_t kPixels = kHeight * kWidth, kValues = kPixels * kChannels;

// Images, each a row of values with channels outermost.
using Rows = std::vector<std::vector<double>>;

std::vector<uint8_t> make_pixels() {
  std::vector<uint8_t> pixels;
  uint32_t state = 3;
  for (int64_t image = 0; image < kImages; ++image) {
    for (int64_t value = 0; value < kValues; ++value) {
      state = state * 1664525 + 1013904223;
      // Neighbours are alike, one value never changes and one hardly does.
      const int blend = static_cast<int>(state >> 25) + (value > 0 && value != 6 ? pixels.back() / 2 : 0);
      pixels.push_back(value == 5   ? uint8_t{200}
                       : value == 6 ? static_cast<uint8_t>(image == 7 ? 31 : 30)
                                    : static_cast<uint8_t>(std::min(blend, 255)));
    }
  }
  return pixels;
}

const runtime::ImageMoments& moments() {
  static const runtime::ImageMoments measured = [] {
    const runtime::MemorySource source({kHeight, kWidth, kChannels}, make_pixels(), std::vector<int32_t>(kImages), "i",
                                       "l");
    runtime::ThreadPool pool(1);
    return runtime::measure_images(source, {.covariance = true}, pool, {});
  }();
  return measured;
}

// (x scale - mean) / std of given values.
Rows given(const proto::Preprocess& preprocess) {
  const std::vector<uint8_t> pixels = make_pixels();
  Rows rows(kImages, std::vector<double>(kValues));
  const auto value_of = [](const auto& list, int64_t channel, double otherwise) {
    return list.empty() ? otherwise : list.Get(list.size() == 1 ? 0 : static_cast<int>(channel));
  };
  for (int64_t image = 0; image < kImages; ++image)
    for (int64_t channel = 0; channel < kChannels; ++channel)
      for (int64_t pixel = 0; pixel < kPixels; ++pixel) {
        const double x = pixels[static_cast<size_t>((image * kPixels + pixel) * kChannels + channel)];
        rows[static_cast<size_t>(image)][static_cast<size_t>(channel * kPixels + pixel)] =
            (x * preprocess.scale() - value_of(preprocess.mean(), channel, 0)) / value_of(preprocess.std(), channel, 1);
      }
  return rows;
}

// The values that share a statistic with `value`.
std::vector<size_t> sharing(int64_t value, proto::Extent extent) {
  if (extent == proto::PIXEL) return {static_cast<size_t>(value)};
  std::vector<size_t> all;
  for (int64_t pixel = 0; pixel < kPixels; ++pixel)
    all.push_back(static_cast<size_t>(value / kPixels * kPixels + pixel));
  return all;
}

double mean_of(const Rows& rows, int64_t value, proto::Extent extent) {
  double sum = 0;
  const auto shared = sharing(value, extent);
  for (const auto& row : rows)
    for (size_t i : shared) sum += row[i];
  return sum / static_cast<double>(rows.size() * shared.size());
}

double std_of(const Rows& rows, int64_t value, proto::Extent extent) {
  const double mean = mean_of(rows, value, extent);
  double sum = 0;
  const auto shared = sharing(value, extent);
  for (const auto& row : rows)
    for (size_t i : shared) sum += (row[i] - mean) * (row[i] - mean);
  return std::sqrt(sum / static_cast<double>(rows.size() * shared.size()));
}

// As numpy's cov of already centred data: X^T X / N.
std::vector<std::vector<double>> covariance_of(const Rows& rows) {
  const size_t n = rows[0].size();
  std::vector<std::vector<double>> covariance(n, std::vector<double>(n));
  for (const auto& row : rows)
    for (size_t a = 0; a < n; ++a)
      for (size_t b = 0; b < n; ++b) covariance[a][b] += row[a] * row[b] / static_cast<double>(rows.size());
  return covariance;
}

proto::Preprocess parse(const std::string& text) {
  proto::Preprocess preprocess;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &preprocess)) << text;
  if (preprocess.mean().empty()) preprocess.add_mean(0); // as resolving does
  if (preprocess.std().empty()) preprocess.add_std(1);
  return preprocess;
}

const NamedTensor& state(const PreprocessStates& made, std::string_view name) {
  for (const NamedTensor& tensor : made.states)
    if (tensor.name == name) return tensor;
  ADD_FAILURE() << "no " << name;
  return made.states.front();
}

// What the states make of the images: (x - center) factor.
Rows normalized(const PreprocessStates& made) {
  const NamedTensor &center = state(made, "image.center"), &factor = state(made, "image.factor");
  Rows rows = given(parse("scale: 1"));
  for (auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      const auto at = [&](const NamedTensor& tensor) {
        return tensor.values[tensor.dims.size() == 1 ? i / kPixels : i];
      };
      row[i] = (row[i] - at(center)) * at(factor);
    }
  return rows;
}

void expect_rows(const Rows& got, const Rows& expected, double tolerance = 1e-11) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t image = 0; image < got.size(); ++image)
    for (size_t i = 0; i < got[image].size(); ++i)
      ASSERT_NEAR(got[image][i], expected[image][i], tolerance) << "image " << image << ", value " << i;
}

std::vector<int64_t> dims_of(proto::Extent extent) {
  return extent == proto::PIXEL ? std::vector<int64_t>{kChannels, kHeight, kWidth} : std::vector<int64_t>{kChannels};
}

TEST(PreprocessStates, ZeroCentreAndDeviation) {
  // In units of 0 to 1, so that least_std, in grey levels, becomes 1/256 in these.
  constexpr double kScale = 1.0 / 256;
  for (const proto::Extent center : {proto::PIXEL, proto::CHANNEL})
    for (const bool divides : {false, true})
      for (const proto::Extent spread : {proto::PIXEL, proto::CHANNEL}) {
        std::string text = "scale: 0.00390625 zero_center: " + proto::Extent_Name(center);
        if (divides) text += " divide_by_std: " + proto::Extent_Name(spread);
        SCOPED_TRACE(text);
        const proto::Preprocess preprocess = parse(text);
        Rows expected = given(preprocess);
        const Rows before = expected;
        for (auto& row : expected)
          for (size_t i = 0; i < row.size(); ++i) row[i] -= mean_of(before, static_cast<int64_t>(i), center);
        const Rows centered = expected;
        for (auto& row : expected)
          for (size_t i = 0; divides && i < row.size(); ++i)
            row[i] /= std::max(std_of(centered, static_cast<int64_t>(i), spread), kScale);
        const PreprocessStates made = make_states(preprocess, moments());
        EXPECT_EQ(state(made, "image.center").dims, dims_of(center));
        EXPECT_EQ(state(made, "image.factor").dims, dims_of(divides ? spread : proto::CHANNEL));
        expect_rows(normalized(made), expected);
      }
}

TEST(PreprocessStates, LeastDeviationCountsInGreyLevels) {
  const auto factor = [](const char* text) {
    return state(make_states(parse(text), moments()), "image.factor").values;
  };
  // The second pixel of the third channel never changes, the third pixel of the first hardly does.
  const size_t never = 2 * kPixels + 1, hardly = 2;
  const auto by_one = factor("zero_center: PIXEL divide_by_std: PIXEL");
  EXPECT_EQ(by_one[never], 1);
  EXPECT_EQ(by_one[hardly], 1);
  const auto by_ten = factor("zero_center: PIXEL divide_by_std: PIXEL least_std: 10");
  EXPECT_EQ(by_ten[never], 0.1);
  const auto by_little = factor("zero_center: PIXEL divide_by_std: PIXEL least_std: 0.01");
  EXPECT_EQ(by_little[never], 100);
  EXPECT_NEAR(by_little[hardly], 1 / std::sqrt(1.0 / kImages - 1.0 / kImages / kImages), 1e-12);
}

TEST(PreprocessStates, GivenValuesComeFirst) {
  // A given mean beside a measured deviation, and the other way round.
  const proto::Preprocess mean_given = parse("scale: 0.5 mean: [10, 20, 30] divide_by_std: CHANNEL");
  Rows expected = given(mean_given);
  const Rows before = expected;
  for (auto& row : expected)
    for (size_t i = 0; i < row.size(); ++i) row[i] /= std_of(before, static_cast<int64_t>(i), proto::CHANNEL);
  expect_rows(normalized(make_states(mean_given, moments())), expected);

  const proto::Preprocess std_given = parse("scale: -0.5 std: [1, 2, 4] zero_center: PIXEL");
  expected = given(std_given);
  const Rows scaled = expected;
  for (auto& row : expected)
    for (size_t i = 0; i < row.size(); ++i) row[i] -= mean_of(scaled, static_cast<int64_t>(i), proto::PIXEL);
  expect_rows(normalized(make_states(std_given, moments())), expected);
}

TEST(PreprocessStates, LeastAndGreatestBecomeMinusOneAndOne) {
  for (const double scale : {1.0, -0.25}) {
    const proto::Preprocess preprocess = parse("min_max {} scale: " + std::to_string(scale));
    Rows expected = given(preprocess);
    const Rows before = expected;
    for (size_t i = 0; i < static_cast<size_t>(kValues); ++i) {
      double least = before[0][i], greatest = before[0][i];
      for (const auto& row : before) {
        least = std::min(least, row[i]);
        greatest = std::max(greatest, row[i]);
      }
      for (auto& row : expected) row[i] = least == greatest ? 0 : 2 * (row[i] - least) / (greatest - least) - 1;
    }
    expect_rows(normalized(make_states(preprocess, moments())), expected);
  }
}

// Rows times the rotation, as it stands.
Rows rotated(const Rows& rows, const NamedTensor& rotation) {
  Rows result;
  const auto length = static_cast<size_t>(rotation.dims[1]);
  for (const auto& row : rows) {
    auto& to = result.emplace_back();
    for (size_t k = 0; k < static_cast<size_t>(rotation.dims[0]); ++k) {
      double sum = 0;
      for (size_t i = 0; i < length; ++i) sum += rotation.values[k * length + i] * row[i];
      to.push_back(sum);
    }
  }
  return result;
}

// Each pixel a row of its channels.
Rows pixels_of(const Rows& rows) {
  Rows pixels;
  for (const auto& row : rows)
    for (size_t pixel = 0; pixel < kPixels; ++pixel) {
      auto& colors = pixels.emplace_back();
      for (size_t channel = 0; channel < kChannels; ++channel) colors.push_back(row[channel * kPixels + pixel]);
    }
  return pixels;
}

void expect_diagonal(const Rows& rows, const std::vector<double>& diagonal) {
  const auto covariance = covariance_of(rows);
  ASSERT_EQ(covariance.size(), diagonal.size());
  for (size_t a = 0; a < diagonal.size(); ++a)
    for (size_t b = 0; b < diagonal.size(); ++b)
      EXPECT_NEAR(covariance[a][b], a == b ? diagonal[a] : 0, 1e-9 * std::max(1.0, diagonal[0])) << a << " " << b;
}

struct Case {
  const char* center;
  const char* of;
};

TEST(PreprocessStates, RotationMakesTheCovarianceDiagonal) {
  for (const auto& [center, of] : {Case{"PIXEL", "IMAGE"}, {"PIXEL", "COLOR"}, {"CHANNEL", "COLOR"}})
    for (const char* divide : {"", " divide_by_std: CHANNEL", " divide_by_std: PIXEL"}) {
      const std::string before = std::string("scale: 0.0625 zero_center: ") + center + divide;
      SCOPED_TRACE(before + " " + of);
      const PreprocessStates made = make_states(parse(before + " pca { of: " + of + " }"), moments());
      const Rows rows = normalized(made);
      const bool of_color = std::string(of) == "COLOR";
      const Rows points = of_color ? pixels_of(rows) : rows;
      const NamedTensor& rotation = state(made, "image.rotation");
      ASSERT_EQ(made.eigenvalues.size(), points[0].size());
      EXPECT_TRUE(std::is_sorted(made.eigenvalues.rbegin(), made.eigenvalues.rend()));
      // The variances are the eigenvalues, and their sum is that of the variances before.
      expect_diagonal(rotated(points, rotation), made.eigenvalues);
      double trace = 0, sum = 0;
      const auto covariance = covariance_of(points);
      for (size_t i = 0; i < covariance.size(); ++i) {
        trace += covariance[i][i];
        sum += made.eigenvalues[i];
      }
      EXPECT_NEAR(sum, trace, 1e-10 * trace);

      const std::string options = std::string(" { of: ") + of + " epsilon: 0.001 }";
      std::vector<double> shares;
      for (double value : made.eigenvalues) shares.push_back(value / (value + 0.001));
      const PreprocessStates whitened = make_states(parse(before + " pca_whitening" + options), moments());
      expect_diagonal(rotated(points, state(whitened, "image.rotation")), shares);
      // ZCA is the same in the directions of the image: turned by the eigenvectors it is the whitened one again.
      const PreprocessStates zca = make_states(parse(before + " zca" + options), moments());
      expect_rows(rotated(rotated(points, state(zca, "image.rotation")), rotation),
                  rotated(points, state(whitened, "image.rotation")), 1e-9);
    }
}

TEST(PreprocessStates, KeepsTheLargestComponents) {
  const NamedTensor all = state(make_states(parse("zero_center: PIXEL pca {}"), moments()), "image.rotation");
  const NamedTensor some =
      state(make_states(parse("zero_center: PIXEL pca { components: 4 }"), moments()), "image.rotation");
  EXPECT_EQ(all.dims, (std::vector<int64_t>{kValues, kValues}));
  EXPECT_EQ(some.dims, (std::vector<int64_t>{4, kValues}));
  EXPECT_EQ(some.values, std::vector<double>(all.values.begin(), all.values.begin() + 4 * kValues));
}

TEST(PreprocessStates, WhateverNeverChangesNeedsEpsilon) {
  try {
    // One value never changes: its eigenvalue is 0, exactly or by rounding.
    const PreprocessStates made =
        make_states(parse("zero_center: PIXEL pca_whitening { of: IMAGE epsilon: 0 }"), moments());
    EXPECT_GT(made.eigenvalues.back(), 0) << "rounding made it positive";
  } catch (const runtime::Error& error) {
    EXPECT_THAT(error.message, HasSubstr("covariance is 0: epsilon must be above 0"));
  }
}

TEST(PreprocessStates, SummaryIsInGreyLevels) {
  const auto tensors = summarize(moments(), Detail::all);
  const auto find = [&](std::string_view name) -> const NamedTensor& {
    for (const NamedTensor& tensor : tensors)
      if (tensor.name == name) return tensor;
    ADD_FAILURE() << "no " << name;
    return tensors[0];
  };
  const Rows rows = given(parse("scale: 1"));
  for (int64_t i = 0; i < kValues; ++i) {
    const auto at = static_cast<size_t>(i);
    EXPECT_NEAR(find("mean").values[at], mean_of(rows, i, proto::PIXEL), 1e-11);
    EXPECT_NEAR(find("std").values[at], std_of(rows, i, proto::PIXEL), 1e-11);
    EXPECT_NEAR(find("channel_mean").values[at / kPixels], mean_of(rows, i, proto::CHANNEL), 1e-11);
    EXPECT_NEAR(find("channel_std").values[at / kPixels], std_of(rows, i, proto::CHANNEL), 1e-11);
  }
  EXPECT_EQ(find("min").values[2 * kPixels + 1], 200);
  EXPECT_EQ(find("max").values[2], 31);
  EXPECT_EQ(find("covariance").dims, (std::vector<int64_t>{kValues, kValues}));
  EXPECT_EQ(find("eigenvectors").values.size(), static_cast<size_t>(kValues * kValues));
  EXPECT_EQ(find("channel_eigenvalues").values.size(), 3U);
}

} // namespace
} // namespace kiln::statistics
