// Moments of images against sums in long double over two passes, for one thread and several.
#include "runtime/image_statistics.h"

#include "runtime/error.h"

#include <cmath>
#include <gtest/gtest.h>
#include <memory>

namespace kiln::runtime {
namespace {

struct Images {
  ImageShape shape;
  int64_t count;
  std::vector<uint8_t> pixels;

  int64_t values() const { return shape.bytes(); }
  long double at(int64_t image, int64_t value) const { return pixels[static_cast<size_t>(image * values() + value)]; }
  std::unique_ptr<DataSource> source() const {
    return std::make_unique<MemorySource>(shape, pixels, std::vector<int32_t>(static_cast<size_t>(count)), "i", "l");
  }
  long double mean(int64_t value) const {
    long double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += at(i, value);
    return sum / static_cast<long double>(count);
  }
  long double covariance(int64_t a, int64_t b) const {
    const long double mean_a = mean(a), mean_b = mean(b);
    long double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += (at(i, a) - mean_a) * (at(i, b) - mean_b);
    return sum / static_cast<long double>(count);
  }
};

// Bright images that hardly vary: where E[x^2] - E[x]^2 in floats would say nothing.
Images bright_images(ImageShape shape, int64_t count) {
  Images images{shape, count, {}};
  uint32_t state = 17;
  for (int64_t i = 0; i < count * shape.bytes(); ++i) {
    state = state * 1664525 + 1013904223;
    const bool is_dark = i % shape.bytes() == 0;
    images.pixels.push_back(is_dark ? static_cast<uint8_t>(state >> 24) : static_cast<uint8_t>(252 + (state >> 30)));
  }
  return images;
}

void expect_close(double got, long double expected, const char* what, int64_t a, int64_t b) {
  EXPECT_NEAR(got, static_cast<double>(expected), 4e-15 * std::max(1.0, static_cast<double>(std::abs(expected))))
      << what << " " << a << " " << b;
}

TEST(ImageMoments, AgreeWithTwoPassesInLongDouble) {
  // Several chunks of 1024, the last one short.
  const Images images = bright_images({3, 4, 3}, 2500);
  const auto source = images.source();
  ThreadPool pool(2);
  const ImageMoments moments = measure_images(*source, {.covariance = true}, pool, {});
  ASSERT_EQ(moments.count(), 2500);
  for (int64_t a = 0; a < images.values(); ++a) {
    expect_close(moments.mean(a), images.mean(a), "mean", a, a);
    expect_close(moments.variance(a), images.covariance(a, a), "variance", a, a);
    for (int64_t b = 0; b <= a; ++b)
      expect_close(moments.covariance(a, b), images.covariance(a, b), "covariance", a, b);
    EXPECT_EQ(moments.covariance(0, a), moments.covariance(a, 0));
  }
  for (int64_t pixel = 0; pixel < 12; ++pixel)
    for (int64_t a = 0; a < 3; ++a)
      for (int64_t b = 0; b < 3; ++b)
        expect_close(moments.pixel_covariance(3 * pixel + a, 3 * pixel + b),
                     images.covariance(3 * pixel + a, 3 * pixel + b), "pixel", a, b);
  for (int64_t value = 0; value < images.values(); ++value) {
    uint8_t least = 255, greatest = 0;
    for (int64_t i = 0; i < images.count; ++i) {
      const uint8_t x = images.pixels[static_cast<size_t>(i * images.values() + value)];
      least = std::min(least, x);
      greatest = std::max(greatest, x);
    }
    EXPECT_EQ(moments.least(value), least);
    EXPECT_EQ(moments.greatest(value), greatest);
  }
}

TEST(ImageMoments, ThreadsDoNotChangeBits) {
  // More values than a tile of the covariance and than a task.
  const Images images = bright_images({40, 54, 1}, 1300);
  const auto source = images.source();
  ThreadPool one(1), three(3);
  const ImageMoments first = measure_images(*source, {.covariance = true}, one, {}),
                     second = measure_images(*source, {.covariance = true}, three, {});
  for (int64_t a = 0; a < images.values(); a += 7) {
    EXPECT_EQ(first.mean(a), second.mean(a));
    EXPECT_EQ(first.variance(a), first.covariance(a, a)) << "the same number by two ways";
    for (int64_t b = 0; b < images.values(); b += 13) ASSERT_EQ(first.covariance(a, b), second.covariance(a, b));
  }
}

// Every third image is broken.
class BrokenSource : public DataSource {
public:
  explicit BrokenSource(const DataSource& whole) : whole_(whole) {}
  int64_t size() const override { return whole_.size(); }
  std::span<const Field> fields() const override { return whole_.fields(); }
  std::string describe(int64_t index) const override { return whole_.describe(index); }
  bool in_memory() const override { return false; }
  void read(int64_t index, size_t field, void* out) const override {
    if (index % 3 == 0) throw Error(ErrorKind::data, "broken");
    whole_.read(index, field, out);
  }

private:
  const DataSource& whole_;
};

TEST(ImageMoments, LeavesOutWhatCannotBeRead) {
  const Images images = bright_images({2, 3, 1}, 1500);
  Images good{images.shape, 1000, {}};
  for (size_t i = 0; i < images.pixels.size(); ++i)
    if (i / 6 % 3 != 0) good.pixels.push_back(images.pixels[i]);
  const auto whole = images.source(), readable = good.source();
  const BrokenSource source(*whole);
  ThreadPool pool(2);
  const ImageMoments moments = measure_images(source, {.covariance = true, .skips_bad = true}, pool, {});
  const ImageMoments expected = measure_images(*readable, {.covariance = true}, pool, {});
  EXPECT_EQ(moments.count(), 1000);
  for (int64_t a = 0; a < 6; ++a) {
    EXPECT_EQ(moments.mean(a), expected.mean(a));
    EXPECT_EQ(moments.covariance(a, 0), expected.covariance(a, 0));
  }
  EXPECT_THROW(measure_images(source, {}, pool, {}), Error);
}

TEST(ImageMoments, TellsItsProgressAndRefusesNothing) {
  const Images images = bright_images({2, 2, 1}, 1500);
  const auto source = images.source();
  ThreadPool pool(1);
  std::vector<int64_t> told;
  measure_images(*source, {}, pool, [&](int64_t done) { told.push_back(done); });
  EXPECT_EQ(told, (std::vector<int64_t>{1024, 1500}));
  const Images none{{2, 2, 1}, 0, {}};
  EXPECT_THROW(measure_images(*none.source(), {}, pool, {}), Error);
}

} // namespace
} // namespace kiln::runtime
