// mixup and cutmix: beta draws against the distribution's moments, mixed batches against their definition.
#include "runtime/augment/mixer.h"
#include "runtime/beta_draw.h"
#include "runtime/counter_random.h"
#include "runtime/data_source.h"
#include "runtime/derived_sources.h"
#include "runtime/error.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

namespace kiln::runtime {
namespace {

using ::testing::ElementsAre;

TEST(BetaDraw, HasTheMomentsOfItsDistribution) {
  constexpr int draws = 40000;
  for (const float alpha : {0.01f, 0.2f, 0.4f, 1.0f, 2.0f, 8.0f, 100.0f}) {
    double sum = 0, squares = 0;
    int low = 0;
    for (int i = 0; i < draws; ++i) {
      const double b = double{draw_beta(alpha, random::stream_key(uint64_t{7}, static_cast<uint64_t>(i), uint64_t{3}))};
      ASSERT_TRUE(b >= 0 && b <= 1) << b;
      sum += b;
      squares += (b - 0.5) * (b - 0.5);
      low += b < 0.5;
    }
    // Variance of Beta(a, a): 1 / (4 (2 a + 1)). Five standard errors.
    const double variance = 1 / (4 * (2 * double{alpha} + 1));
    EXPECT_NEAR(sum / draws, 0.5, 5 * std::sqrt(variance / draws)) << alpha;
    EXPECT_NEAR(squares / draws, variance, 5 * 0.25 / std::sqrt(draws)) << alpha;
    EXPECT_NEAR(low / static_cast<double>(draws), 0.5, 5 * 0.5 / std::sqrt(draws)) << alpha;
  }
}

// Beta(1, 1) is the uniform distribution.
TEST(BetaDraw, OfOneIsUniform) {
  std::array<int, 10> counts{};
  for (int i = 0; i < 20000; ++i)
    ++counts[static_cast<size_t>(
        std::min(9.0f, 10 * draw_beta(1, random::stream_key(uint64_t{1}, static_cast<uint64_t>(i), uint64_t{2}))))];
  for (const int count : counts) EXPECT_NEAR(count, 2000, 5 * std::sqrt(1800.0));
}

kiln_augment_stage stage_of(kiln_augment_kind kind, double alpha, double probability = 1) {
  kiln_augment_stage stage{};
  stage.kind = kind;
  stage.stream = random::stream_id(kind == KILN_AUGMENT_MIXUP ? "augment.mixup" : "augment.cutmix");
  stage.alpha = alpha;
  stage.probability = probability;
  return stage;
}

constexpr ImageShape kShape{6, 8, 3};
constexpr int64_t kRows = 32, kClasses = kRows;

struct Batch {
  std::vector<int64_t> numbers = std::vector<int64_t>(kRows);
  std::vector<uint8_t> images = std::vector<uint8_t>(static_cast<size_t>(kRows * kShape.bytes()));
  std::vector<float> labels = std::vector<float>(static_cast<size_t>(kRows * kClasses));

  // Row r is of class r, and all of it 7 r.
  Batch() {
    std::iota(numbers.begin(), numbers.end(), 100);
    for (int64_t row = 0; row < kRows; ++row) {
      std::fill_n(images.begin() + row * kShape.bytes(), kShape.bytes(), static_cast<uint8_t>(7 * row));
      labels[static_cast<size_t>(row * kClasses + row)] = 1;
    }
  }
  float share(int64_t row, int64_t label) const { return labels[static_cast<size_t>(row * kClasses + label)]; }
  int pixel(int64_t row, int64_t at) const { return images[static_cast<size_t>(row * kShape.bytes() + at)]; }

  void mix(const std::vector<kiln_augment_stage>& stages, int64_t epoch = 0, ThreadPool* pool = nullptr) {
    const Mixer mixer(stages, kShape, kClasses, 9);
    Mixer::Scratch scratch = mixer.make_scratch(kRows);
    mixer.mix(numbers, epoch, images.data(), labels.data(), scratch, pool);
  }
  // Which other class a row has a share of; -1: none.
  int64_t other(int64_t row) const {
    for (int64_t label = 0; label < kClasses; ++label)
      if (label != row && share(row, label) > 0) return label;
    return -1;
  }
};

TEST(Mixer, MixupIsTheSameMixOfImageAndLabel) {
  Batch batch;
  batch.mix({stage_of(KILN_AUGMENT_MIXUP, 1)});
  std::set<int64_t> others;
  for (int64_t row = 0; row < kRows; ++row) {
    const int64_t other = batch.other(row);
    ASSERT_GE(other, 0);
    others.insert((other - row + kRows) % kRows);
    const double own = double{batch.share(row, row)};
    EXPECT_NEAR(double{batch.share(row, other)}, 1 - own, 1e-6);
    for (int64_t at = 0; at < kShape.bytes(); ++at)
      EXPECT_NEAR(batch.pixel(row, at), own * 7 * static_cast<double>(row) + (1 - own) * 7 * static_cast<double>(other),
                  0.501);
  }
  EXPECT_GT(others.size(), 10u) << "partners are drawn one by one";
}

TEST(Mixer, CutmixPutsInARectangleAndCountsItsPixels) {
  int whole = 0;
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    Batch batch;
    batch.mix({stage_of(KILN_AUGMENT_CUTMIX, 1)}, epoch);
    for (int64_t row = 0; row < kRows; ++row) {
      const int64_t other = batch.other(row);
      int64_t top = kShape.height, bottom = -1, left = kShape.width, right = -1, foreign = 0;
      for (int64_t y = 0; y < kShape.height; ++y)
        for (int64_t x = 0; x < kShape.width; ++x) {
          const int value = batch.pixel(row, (y * kShape.width + x) * 3);
          if (value == 7 * row) continue;
          EXPECT_EQ(value, 7 * other);
          ++foreign;
          top = std::min(top, y), bottom = std::max(bottom, y);
          left = std::min(left, x), right = std::max(right, x);
        }
      if (foreign == 0) {
        ++whole;
        EXPECT_EQ(batch.share(row, row), 1);
        continue;
      }
      EXPECT_EQ(foreign, (bottom - top + 1) * (right - left + 1)) << "a rectangle";
      EXPECT_NEAR(double{batch.share(row, other)}, static_cast<double>(foreign) / (kShape.height * kShape.width), 1e-6);
      EXPECT_NEAR(double{batch.share(row, row) + batch.share(row, other)}, 1, 1e-6);
    }
  }
  EXPECT_LT(whole, 20 * kRows / 10);
}

TEST(Mixer, OneOfBothIsDrawnEvenly) {
  int mixed = 0, cut = 0;
  for (int64_t epoch = 0; epoch < 40; ++epoch) {
    Batch batch;
    batch.mix({stage_of(KILN_AUGMENT_MIXUP, 4), stage_of(KILN_AUGMENT_CUTMIX, 4)}, epoch);
    for (int64_t row = 0; row < kRows; ++row) {
      const int64_t other = batch.other(row);
      if (other < 0) continue;
      bool is_cut = false;
      for (int64_t at = 0; at < kShape.bytes(); at += 3) is_cut = is_cut || batch.pixel(row, at) == 7 * row;
      ++(is_cut ? cut : mixed);
    }
  }
  const int both = mixed + cut;
  EXPECT_NEAR(mixed, both / 2.0, 5 * std::sqrt(both) / 2);
}

TEST(Mixer, HappensAsOftenAsItShould) {
  int mixed = 0;
  for (int64_t epoch = 0; epoch < 60; ++epoch) {
    Batch batch;
    batch.mix({stage_of(KILN_AUGMENT_MIXUP, 2, 0.25)}, epoch);
    for (int64_t row = 0; row < kRows; ++row) mixed += batch.other(row) >= 0;
  }
  const double all = 60.0 * kRows;
  EXPECT_NEAR(mixed, all / 4, 5 * std::sqrt(all * 3 / 16));
}

TEST(Mixer, ThreadsChangeNothing) {
  ThreadPool pool(3);
  Batch alone, together;
  alone.mix({stage_of(KILN_AUGMENT_MIXUP, 0.4), stage_of(KILN_AUGMENT_CUTMIX, 1)}, 3);
  together.mix({stage_of(KILN_AUGMENT_MIXUP, 0.4), stage_of(KILN_AUGMENT_CUTMIX, 1)}, 3, &pool);
  EXPECT_EQ(alone.images, together.images);
  EXPECT_EQ(alone.labels, together.labels);
}

TEST(Mixer, ABatchOfOneStaysAsItIs) {
  const std::vector stages = {stage_of(KILN_AUGMENT_MIXUP, 1)};
  const Mixer mixer(stages, kShape, 2, 9);
  Mixer::Scratch scratch = mixer.make_scratch(1);
  const std::vector<int64_t> numbers = {4};
  std::vector<uint8_t> image(static_cast<size_t>(kShape.bytes()), 50);
  std::vector<float> label = {0, 1};
  mixer.mix(numbers, 0, image.data(), label.data(), scratch, nullptr);
  EXPECT_EQ(image, std::vector<uint8_t>(image.size(), 50));
  EXPECT_THAT(label, ElementsAre(0, 1));
}

TEST(Mixer, StagesOfBatchesStandBehindThoseOfImages) {
  std::vector<kiln_augment_stage> stages(3);
  stages[0].kind = KILN_AUGMENT_FLIP;
  stages[1].kind = KILN_AUGMENT_MIXUP;
  stages[2].kind = KILN_AUGMENT_CUTMIX;
  EXPECT_EQ(image_stages(stages).size(), 1u);
  EXPECT_EQ(batch_stages(stages).size(), 2u);
  EXPECT_EQ(batch_stages(std::span(stages).first(1)).size(), 0u);
}

TEST(OneHotSource, GivesSharesOfClasses) {
  const MemorySource base({1, 1, 1}, {10, 20, 30}, {2, 0, 1}, "images", "labels");
  const OneHotSource source(base, 3);
  const Field& label = *source.find_field(label_name);
  EXPECT_EQ(to_string(label), "label f32 3");
  std::vector<float> shares(3);
  source.read(0, source.index_of(label), shares.data());
  EXPECT_THAT(shares, ElementsAre(0, 0, 1));
  uint8_t pixel = 0;
  source.read(1, source.index_of(*source.find_field(image_name)), &pixel);
  EXPECT_EQ(pixel, 20);
  EXPECT_THROW(OneHotSource(base, 2), Error);
}

} // namespace
} // namespace kiln::runtime
