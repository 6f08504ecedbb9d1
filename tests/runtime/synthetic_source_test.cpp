// Synthetic samples: a function of seed and number alone, of the types asked for, and told apart by their class.
#include "runtime/synthetic_source.h"

#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

namespace kiln::runtime {
namespace {

SyntheticOptions options_with(Field label, int64_t classes = 4) {
  SyntheticOptions options;
  options.fields = {image_field({8, 9, 2}), std::move(label), {"depth", KILN_F32, {3, 4, 5}}};
  options.classes = classes;
  options.samples = 40;
  options.seed = 7;
  return options;
}

template <class T> std::vector<T> read(const DataSource& source, int64_t sample, size_t field) {
  std::vector<T> values(static_cast<size_t>(source.fields()[field].elements()));
  source.read(sample, field, values.data());
  return values;
}

double distance(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += std::abs(double{static_cast<float>(a[i])} - double{static_cast<float>(b[i])});
  return sum / static_cast<double>(a.size());
}

TEST(SyntheticSource, SamplesOfAClassAreAlikeAndOthersAreNot) {
  const auto source = make_synthetic_source(options_with(class_label_field()));
  std::set<int32_t> seen;
  for (int64_t a = 0; a < 40; ++a) {
    seen.insert(read<int32_t>(*source, a, 1)[0]);
    for (int64_t b = 0; b < a; ++b) {
      const double apart = distance(read<uint8_t>(*source, a, 0), read<uint8_t>(*source, b, 0));
      if (read<int32_t>(*source, a, 1) == read<int32_t>(*source, b, 1))
        EXPECT_LT(apart, 24) << a << " and " << b;
      else
        EXPECT_GT(apart, 24) << a << " and " << b;
      EXPECT_GT(apart, 0) << "noise differs";
    }
  }
  EXPECT_EQ(seen, (std::set<int32_t>{0, 1, 2, 3}));
  EXPECT_NO_THROW(source->check_labels({4, {}}));
  EXPECT_THROW(source->check_labels({3, {}}), std::exception);
}

TEST(SyntheticSource, IsAFunctionOfSeedAndNumber) {
  SyntheticOptions options = options_with(class_label_field());
  const auto source = make_synthetic_source(options), again = make_synthetic_source(options);
  EXPECT_EQ(read<uint8_t>(*source, 5, 0), read<uint8_t>(*again, 5, 0));
  EXPECT_EQ(read<float>(*source, 5, 2), read<float>(*again, 5, 2));
  options.first_sample = 3;
  const auto later = make_synthetic_source(options);
  EXPECT_EQ(read<uint8_t>(*source, 5, 0), read<uint8_t>(*later, 2, 0));
  options.seed = 8;
  EXPECT_NE(read<uint8_t>(*later, 2, 0), read<uint8_t>(*make_synthetic_source(options), 2, 0));
}

TEST(SyntheticSource, MapsHaveSeveralClasses) {
  const auto source = make_synthetic_source(options_with({"label", KILN_I32, {8, 9}}));
  const std::vector<int32_t> map = read<int32_t>(*source, 0, 1);
  EXPECT_GT(std::set<int32_t>(map.begin(), map.end()).size(), 1u);
  EXPECT_NO_THROW(source->check_labels({4, {}}));
}

TEST(SyntheticSource, F32LabelsAreWhatTheLossWants) {
  SyntheticOptions options = options_with({"label", KILN_F32, {4}});
  const auto values = read<float>(*make_synthetic_source(options), 1, 1);
  for (float value : values) EXPECT_LE(std::abs(value), 1.2f);
  options.target = SyntheticTarget::distribution;
  const auto shares = read<float>(*make_synthetic_source(options), 1, 1);
  EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0f), 1, 1e-6);
  EXPECT_GT(*std::max_element(shares.begin(), shares.end()), 0.8f);
  options.target = SyntheticTarget::flags;
  std::set<float> flags;
  const auto source = make_synthetic_source(options);
  for (int64_t sample = 0; sample < 40; ++sample)
    for (float flag : read<float>(*source, sample, 1)) flags.insert(flag);
  EXPECT_EQ(flags, (std::set<float>{0, 1}));
  options.target = SyntheticTarget::distribution;
  options.fields[1].dims = {4, 8, 9};
  const auto maps = read<float>(*make_synthetic_source(options), 1, 1);
  for (size_t p = 0; p < 72; ++p) EXPECT_NEAR(maps[p] + maps[72 + p] + maps[144 + p] + maps[216 + p], 1, 1e-6);
}

} // namespace
} // namespace kiln::runtime
