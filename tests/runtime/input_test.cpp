// The input pipeline: order of samples, batches assembled by any number of workers, sources and their checks.
#include "runtime/batch_order.h"
#include "runtime/data_source.h"
#include "runtime/error.h"
#include "runtime/prefetcher.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <thread>

namespace kiln::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int64_t> epoch_of(BatchOrder& order, int64_t epoch, int64_t batch) {
  std::vector<int64_t> all;
  for (int64_t step = 0; step < order.steps_per_epoch(); ++step) {
    std::vector<int64_t> indices(static_cast<size_t>(batch));
    order.batch_indices(epoch, step, indices.data());
    all.insert(all.end(), indices.begin(), indices.end());
  }
  return all;
}

TEST(BatchOrder, ShufflesEverySampleOnceAndDropsTheTail) {
  BatchOrder order({.samples = 103, .batch = 10, .seed = 3});
  EXPECT_EQ(order.steps_per_epoch(), 10);
  std::vector<int64_t> first = epoch_of(order, 0, 10), second = epoch_of(order, 1, 10);
  EXPECT_NE(first, second);
  EXPECT_EQ(epoch_of(order, 0, 10), first) << "a function of the epoch, not of what was asked before";
  BatchOrder other({.samples = 103, .batch = 10, .seed = 4});
  EXPECT_NE(epoch_of(other, 0, 10), first);
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  std::sort(first.begin(), first.end());
  EXPECT_EQ(std::unique(first.begin(), first.end()), first.end());
  EXPECT_LT(first.back(), 103);
}

TEST(BatchOrder, BatchSizeDoesNotChangeTheOrder) {
  BatchOrder small({.samples = 60, .batch = 5, .seed = 3}), large({.samples = 60, .batch = 20, .seed = 3});
  EXPECT_EQ(epoch_of(small, 2, 5), epoch_of(large, 2, 20));
}

TEST(BatchOrder, WrapsTheTail) {
  BatchOrder order({.samples = 7, .batch = 4, .shuffle = false, .wrap_tail = true});
  EXPECT_THAT(epoch_of(order, 0, 4), ElementsAre(0, 1, 2, 3, 4, 5, 6, 0));
  BatchOrder tiny({.samples = 2, .batch = 5, .shuffle = false, .wrap_tail = true});
  EXPECT_THAT(epoch_of(tiny, 9, 5), ElementsAre(0, 1, 0, 1, 0));
}

TEST(BatchOrder, RefusesWhatGivesNoBatch) {
  EXPECT_THROW(BatchOrder({.samples = 0, .batch = 4}), Error);
  EXPECT_THROW(BatchOrder({.samples = 3, .batch = 4}), Error);
  EXPECT_THROW(BatchOrder({.samples = 3, .batch = 0}), Error);
}

// Each image is filled with its number; reading takes uneven time, and one sample may be broken.
class NumberedSource : public DataSource {
public:
  explicit NumberedSource(int64_t broken = -1) : broken_(broken) {}
  int64_t size() const override { return 50; }
  std::span<const Field> fields() const override { return fields_; }
  void read(int64_t index, size_t field, void* out) const override {
    if (index == broken_) throw Error(ErrorKind::data, describe(index) + ": broken");
    if (index % 7 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    if (field == 0) std::fill_n(static_cast<uint8_t*>(out), 15, static_cast<uint8_t>(index));
    if (field == 1) std::fill_n(static_cast<int32_t*>(out), 4, static_cast<int32_t>(index * 2));
    if (field == 2) *static_cast<float*>(out) = static_cast<float>(index) / 4;
  }
  std::string describe(int64_t index) const override { return "sample " + std::to_string(index); }
  bool in_memory() const override { return false; }

private:
  std::vector<Field> fields_ = {image_field({3, 5, 1}), {"label", KILN_I32, {2, 2}}, {"depth", KILN_F32, {}}};
  int64_t broken_;
};

TEST(Prefetcher, AnyNumberOfWorkersDeliversTheSameBatches) {
  NumberedSource source;
  BatchReader reader(source, {2, 0, 1}, Split::train, nullptr);
  BatchOrder::Options options{.samples = 50, .batch = 8, .seed = 5};
  for (int workers : {0, 1, 2, 5}) {
    BatchOrder order(options);
    // Begins in the middle of an epoch and goes over the ends of several.
    Prefetcher prefetcher(reader,
                          {.order = options, .first_epoch = 2, .first_step = 4, .batches = 20, .workers = workers});
    int64_t epoch = 2, step = 4;
    for (int batch = 0; batch < 20; ++batch) {
      Prefetcher::Batch got = prefetcher.next();
      int64_t wanted[8];
      order.batch_indices(epoch, step, wanted);
      for (int64_t row = 0; row < 8; ++row) {
        ASSERT_EQ(static_cast<const float*>(got[0])[row], static_cast<float>(wanted[row]) / 4)
            << workers << " workers, batch " << batch;
        for (int64_t byte = 0; byte < 15; ++byte)
          ASSERT_EQ(static_cast<const uint8_t*>(got[1])[row * 15 + byte], wanted[row]);
        for (int64_t i = 0; i < 4; ++i) ASSERT_EQ(static_cast<const int32_t*>(got[2])[row * 4 + i], wanted[row] * 2);
      }
      if (++step == order.steps_per_epoch()) ++epoch, step = 0;
    }
    EXPECT_GT(prefetcher.seconds_waited(), 0);
  }
}

TEST(Prefetcher, HandsOnProblemsOfWorkers) {
  NumberedSource source(13);
  BatchReader reader(source, {0}, Split::train, nullptr);
  for (int workers : {0, 2}) {
    Prefetcher prefetcher(reader,
                          {.order = {.samples = 50, .batch = 5, .shuffle = false}, .batches = 10, .workers = workers});
    prefetcher.next();
    prefetcher.next();
    try {
      prefetcher.next();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.message, "sample 13: broken");
    }
  }
}

TEST(Prefetcher, CanBeGivenUpAtAnyTime) {
  NumberedSource source;
  BatchReader reader(source, {0, 1}, Split::train, nullptr);
  for (int taken = 0; taken < 6; ++taken) {
    Prefetcher prefetcher(reader, {.order = {.samples = 50, .batch = 5}, .batches = 1000, .workers = 2});
    for (int batch = 0; batch < taken; ++batch) prefetcher.next();
  }
}

TEST(DataSource, NamesBadLabels) {
  MemorySource source({1, 2, 1}, std::vector<uint8_t>(6), {0, 4, 1}, "images.gz", "labels.gz");
  EXPECT_NO_THROW(source.check_labels({5, {}}));
  EXPECT_NO_THROW(source.check_labels({2, 4}));
  try {
    source.check_labels({4, {}});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::data);
    EXPECT_EQ(error.message, "labels.gz: sample 1: label 4, but the network has 4 classes (labels 0 to 3)");
  }
}

TEST(DataSource, NamesBadLabelsOfPixels) {
  NumberedSource source;
  EXPECT_NO_THROW(source.check_labels({99, {}}));
  EXPECT_NO_THROW(source.check_labels({98, 98}));
  try {
    source.check_labels({50, 255});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.message, "sample 25: label 50 in row 0, column 0, but the network has 50 classes (labels 0 to 49; "
                             "255 is ignored)");
  }
}

TEST(DataSource, FieldsAreToldInWords) {
  EXPECT_EQ(to_string(image_field({28, 30, 1})), "image u8 28x30x1");
  EXPECT_EQ(to_string(class_label_field()), "label i32");
  EXPECT_EQ(to_string(Field{"label", KILN_F32, {4}}), "label f32 4");
}

TEST(DataSource, RefusesCountsThatDisagree) {
  try {
    MemorySource source({1, 2, 1}, std::vector<uint8_t>(6), {0, 4}, "images.gz", "labels.gz");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.message, "images and labels disagree: images.gz holds 3 images, labels.gz holds 2 labels");
  }
}

} // namespace
} // namespace kiln::runtime
