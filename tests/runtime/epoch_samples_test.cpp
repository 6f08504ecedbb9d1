// Which samples an epoch has where classes are balanced or chosen: exact counts, each sample about equally often, anew
// each epoch.
#include "runtime/batch_order.h"
#include "runtime/data_source.h"
#include "runtime/epoch_samples.h"
#include "runtime/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>

namespace kiln::runtime {
namespace {

using ::testing::HasSubstr;

// 7 of class 0, 3 of class 1, 1 of class 3; none of class 2.
const std::vector<int32_t> kLabels = {0, 0, 1, 0, 0, 3, 1, 0, 0, 1, 0};

std::unique_ptr<MemorySource> source(const std::vector<int32_t>& labels = kLabels) {
  return std::make_unique<MemorySource>(ImageShape{1, 1, 1}, std::vector<uint8_t>(labels.size()), labels, "images",
                                        "labels");
}

std::map<int32_t, std::map<int64_t, int>> shown(const EpochSamples& samples, uint64_t seed, int64_t epoch) {
  std::vector<int64_t> numbers;
  samples.list(seed, epoch, numbers);
  EXPECT_EQ(static_cast<int64_t>(numbers.size()), samples.size());
  EXPECT_EQ(std::set<int64_t>(numbers.begin(), numbers.end()).size(), numbers.size()) << "a visit twice";
  std::map<int32_t, std::map<int64_t, int>> classes;
  for (const int64_t number : numbers) ++classes[kLabels[static_cast<size_t>(sample_of(number))]][sample_of(number)];
  return classes;
}

int total(const std::map<int64_t, int>& samples) {
  int sum = 0;
  for (const auto& [sample, times] : samples) sum += times;
  return sum;
}

TEST(EpochSamples, UpSamplingShowsEachClassAsOftenAsTheLargest) {
  const auto data = source();
  const EpochSamples samples(*data, {KILN_UP_SAMPLE, 0, 0});
  EXPECT_EQ(samples.size(), 3 * 7);
  std::set<std::set<int64_t>> extra; // samples of class 1 that are shown three times: 7 = 2 * 3 + 1
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    auto classes = shown(samples, 5, epoch);
    ASSERT_EQ(classes.size(), 3u);
    for (const auto& [label, each] : classes) EXPECT_EQ(total(each), 7) << label;
    for (const auto& [sample, times] : classes[0]) EXPECT_EQ(times, 1);
    std::set<int64_t> more;
    for (const auto& [sample, times] : classes[1]) {
      EXPECT_TRUE(times == 2 || times == 3);
      if (times == 3) more.insert(sample);
    }
    EXPECT_EQ(more.size(), 1u);
    extra.insert(more);
  }
  EXPECT_EQ(extra.size(), 3u) << "in 20 epochs each of the three is drawn";
}

TEST(EpochSamples, DownSamplingShowsOthersEachEpoch) {
  const auto data = source();
  const EpochSamples samples(*data, {KILN_DOWN_SAMPLE, 2, 0}); // without class 3
  EXPECT_EQ(samples.size(), 2 * 3);
  std::set<int64_t> seen;
  for (int64_t epoch = 0; epoch < 30; ++epoch) {
    auto classes = shown(samples, 5, epoch);
    ASSERT_EQ(classes.size(), 2u);
    for (const auto& [label, each] : classes) EXPECT_EQ(each.size(), 3u);
    for (const auto& [sample, times] : classes[0]) seen.insert(sample);
  }
  EXPECT_EQ(seen.size(), 7u);
}

TEST(EpochSamples, ChoosesClassesByTheirNumber) {
  const auto data = source();
  EXPECT_EQ(EpochSamples(*data, {KILN_AS_FOUND, 3, 0}).size(), 10);
  EXPECT_EQ(EpochSamples(*data, {KILN_AS_FOUND, 0, 3}).size(), 4);
  EXPECT_EQ(EpochSamples(*data, {KILN_AS_FOUND, 2, 3}).size(), 3);
  EXPECT_EQ(samples_per_epoch(*data, {KILN_UP_SAMPLE, 0, 3}), 2 * 3);
  EXPECT_EQ(samples_per_epoch(*data, {}), 11);
  try {
    EpochSamples(*data, {KILN_AS_FOUND, 8, 9});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::data);
    EXPECT_THAT(error.message, HasSubstr("no class of the training data has at least 8 samples and at most 9"));
  }
}

TEST(EpochSamples, VisitsOfASampleAreNumbered) {
  EXPECT_EQ(sample_of(visit_number(123456789, 17)), 123456789);
  EXPECT_EQ(visit_of(visit_number(123456789, 17)), 17);
  EXPECT_EQ(visit_number(5, 0), 5);
}

TEST(BatchOrder, ShufflesWhatIsSelected) {
  const auto data = source();
  const EpochSamples samples(*data, {KILN_UP_SAMPLE, 0, 0});
  BatchOrder order({samples.size(), 7, 3, true, false, &samples});
  EXPECT_EQ(order.steps_per_epoch(), 3);
  std::vector<int64_t> listed, ordered(21);
  samples.list(3, 2, listed);
  for (int64_t step = 0; step < 3; ++step) order.batch_indices(2, step, ordered.data() + 7 * step);
  EXPECT_NE(ordered, listed);
  EXPECT_THAT(ordered, ::testing::UnorderedElementsAreArray(listed));
}

} // namespace
} // namespace kiln::runtime
