// First and second moments of a set of byte images, from one streamed pass: what pre-processing is computed from.
//
// Images come in chunks of 1024. Sums of values and of products within a pixel fit 32 bits over a chunk and 64 over
// all. The full matrix of products is BLIS's, on values less 128: a product is at most 2^14, a chunk's sum at most
// 2^24, so that floats hold every partial sum exactly in whatever order BLIS adds. Sums over chunks are exact in
// doubles.
#include "runtime/image_statistics.h"

#include "runtime/blas.h"
#include "runtime/error.h"

#include <algorithm>
#include <cstring>

namespace kiln::runtime {
namespace {

constexpr int64_t kChunk = 1024;
constexpr int64_t kCenter = 128;
constexpr int64_t kValuesATask = 2048;
constexpr int64_t kTile = 256;

static_assert(kChunk * 255 * 255 < int64_t{1} << 32);
static_assert(kChunk * kCenter * kCenter <= int64_t{1} << 24);

using Wide = __int128;

// (n * products - a * b) / n^2, exact up to the last two roundings.
double central_moment(int64_t n, int64_t products, int64_t a, int64_t b) {
  const Wide numerator = Wide{n} * products - Wide{a} * b;
  return static_cast<double>(numerator) / static_cast<double>(n) / static_cast<double>(n);
}

} // namespace

ImageMoments::ImageMoments(ImageShape shape, bool with_covariance) : shape_(shape) {
  const auto values = static_cast<size_t>(shape.bytes());
  sums_.resize(values);
  lagged_.assign(static_cast<size_t>(shape.channels), std::vector<int64_t>(values));
  least_.assign(values, 255);
  greatest_.assign(values, 0);
  if (with_covariance) products_.resize(values * values);
}

double ImageMoments::mean(int64_t value) const {
  return static_cast<double>(sums_[static_cast<size_t>(value)]) / static_cast<double>(count_);
}

double ImageMoments::pixel_covariance(int64_t a, int64_t b) const {
  const auto first = static_cast<size_t>(std::min(a, b)), second = static_cast<size_t>(std::max(a, b));
  return central_moment(count_, lagged_[second - first][first], sums_[first], sums_[second]);
}

double ImageMoments::covariance(int64_t a, int64_t b) const {
  const auto row = static_cast<size_t>(std::max(a, b)), column = static_cast<size_t>(std::min(a, b));
  const auto products = static_cast<int64_t>(products_[row * static_cast<size_t>(values()) + column]);
  return central_moment(count_, products, sums_[row] - kCenter * count_, sums_[column] - kCenter * count_);
}

void ImageMoments::add_values(const uint8_t* images, int64_t images_count, int64_t first, int64_t last) {
  const auto length = static_cast<size_t>(last - first);
  const int64_t stride = values();
  std::vector<uint32_t> sums(length);
  for (int64_t image = 0; image < images_count; ++image) {
    const uint8_t* x = images + image * stride + first;
    for (size_t i = 0; i < length; ++i) sums[i] += x[i];
    for (size_t i = 0; i < length; ++i) {
      least_[static_cast<size_t>(first) + i] = std::min(least_[static_cast<size_t>(first) + i], x[i]);
      greatest_[static_cast<size_t>(first) + i] = std::max(greatest_[static_cast<size_t>(first) + i], x[i]);
    }
  }
  for (size_t i = 0; i < length; ++i) sums_[static_cast<size_t>(first) + i] += sums[i];
  for (size_t lag = 0; lag < lagged_.size(); ++lag) {
    // The last ones have no partner so far behind them; others meet the next pixel, which nobody asks for.
    const auto partners =
        static_cast<size_t>(std::max<int64_t>(0, std::min(last, stride - static_cast<int64_t>(lag)) - first));
    std::fill(sums.begin(), sums.end(), 0);
    for (int64_t image = 0; image < images_count; ++image) {
      const uint8_t* x = images + image * stride + first;
      const uint8_t* y = x + lag;
      for (size_t i = 0; i < partners; ++i) sums[i] += uint32_t{x[i]} * y[i];
    }
    for (size_t i = 0; i < partners; ++i) lagged_[lag][static_cast<size_t>(first) + i] += sums[i];
  }
}

void ImageMoments::add_products(const float* centered, int64_t images_count, ThreadPool& pool) {
  const int64_t n = values();
  const int64_t tiles = (n + kTile - 1) / kTile;
  std::vector<std::vector<float>> results(static_cast<size_t>(pool.threads()),
                                          std::vector<float>(static_cast<size_t>(kTile * kTile)));
  pool.run(tiles * tiles, [&](int64_t begin, int64_t end, int thread) {
    float* result = results[static_cast<size_t>(thread)].data();
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t row = tile / tiles * kTile, column = tile % tiles * kTile;
      if (column > row) continue; // the lower triangle
      const int64_t rows = std::min(kTile, n - row), columns = std::min(kTile, n - column);
      sgemm(true, false, rows, columns, images_count, centered + row, n, centered + column, n, 0, result, columns);
      for (int64_t i = 0; i < rows; ++i) {
        double* to = products_.data() + (row + i) * n + column;
        for (int64_t k = 0; k < columns; ++k) to[k] += static_cast<double>(result[i * columns + k]);
      }
    }
  });
}

namespace {

// Reads images behind each other and returns how many could be: a bad one leaves no gap.
int64_t read_chunk(const DataSource& source, int64_t first, int64_t count, bool skips_bad, ThreadPool& pool,
                   uint8_t* images) {
  const Field& field = *source.find_field(image_name);
  const int64_t bytes = field.bytes();
  std::vector<uint8_t> is_bad(static_cast<size_t>(count));
  pool.run(count, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      try {
        source.read(first + i, source.index_of(field), images + i * bytes);
      } catch (const Error& error) {
        if (!skips_bad || error.kind != ErrorKind::data) throw;
        is_bad[static_cast<size_t>(i)] = 1;
      }
    }
  });
  int64_t good = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (is_bad[static_cast<size_t>(i)] != 0) continue;
    if (good != i) memcpy(images + good * bytes, images + i * bytes, static_cast<size_t>(bytes));
    ++good;
  }
  return good;
}

} // namespace

ImageMoments measure_images(const DataSource& source, const MeasureOptions& options, ThreadPool& pool,
                            const std::function<void(int64_t)>& progress) {
  if (source.size() == 0) throw Error(ErrorKind::data, "the data set is empty");
  ImageMoments moments(source.image_shape(), options.covariance);
  const int64_t values = moments.values();
  std::vector<uint8_t> images(static_cast<size_t>(kChunk * values));
  std::vector<float> centered(options.covariance ? images.size() : 0);
  for (int64_t first = 0; first < source.size(); first += kChunk) {
    const int64_t read = std::min(kChunk, source.size() - first);
    const int64_t count = read_chunk(source, first, read, options.skips_bad, pool, images.data());
    pool.run((values + kValuesATask - 1) / kValuesATask, [&](int64_t begin, int64_t end, int) {
      for (int64_t task = begin; task < end; ++task)
        moments.add_values(images.data(), count, task * kValuesATask, std::min(values, (task + 1) * kValuesATask));
    });
    if (options.covariance) {
      for (size_t i = 0; i < static_cast<size_t>(count * values); ++i)
        centered[i] = static_cast<float>(int{images[i]} - static_cast<int>(kCenter));
      moments.add_products(centered.data(), count, pool);
    }
    moments.count_ += count;
    if (progress) progress(first + read);
  }
  if (moments.count_ == 0) throw Error(ErrorKind::data, source.describe(0) + ": no image of the data set can be read");
  return moments;
}

} // namespace kiln::runtime
