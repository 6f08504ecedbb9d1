// First and second moments of a set of byte images, from one streamed pass: what pre-processing is computed from.
// Everything is a sum of integers and exact: no order, thread count or machine changes a bit, and nothing is lost to
// cancellation however large the mean is beside the variance.
#pragma once

#include "runtime/data_source.h"
#include "runtime/thread_pool.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace kiln::runtime {

struct MeasureOptions {
  bool covariance = false; // of all values with each other, beside that of a pixel's channels
  bool skips_bad = false;  // images that cannot be read are left out, else the first one's Error is thrown
};

// Values are numbered as they lie in an image: row-major over height, width, channels.
class ImageMoments {
public:
  // Full covariance takes values^2 doubles.
  ImageMoments(ImageShape shape, bool with_covariance);

  const ImageShape& shape() const { return shape_; }
  int64_t count() const { return count_; }
  int64_t values() const { return shape_.bytes(); }
  bool has_covariance() const { return !products_.empty(); }

  double mean(int64_t value) const;
  // These divide by the number of images.
  double variance(int64_t value) const { return pixel_covariance(value, value); }
  double pixel_covariance(int64_t a, int64_t b) const; // of two channels of one pixel
  double covariance(int64_t a, int64_t b) const;       // of any two; needs the full covariance
  uint8_t least(int64_t value) const { return least_[static_cast<size_t>(value)]; }
  uint8_t greatest(int64_t value) const { return greatest_[static_cast<size_t>(value)]; }

private:
  friend ImageMoments measure_images(const DataSource&, const MeasureOptions&, ThreadPool&,
                                     const std::function<void(int64_t)>&);

  // Images of a chunk, behind each other.
  void add_values(const uint8_t* images, int64_t images_count, int64_t first, int64_t last);
  void add_products(const float* centered, int64_t images_count, ThreadPool& pool);

  ImageShape shape_;
  int64_t count_ = 0;
  std::vector<int64_t> sums_;
  std::vector<std::vector<int64_t>> lagged_; // [d][i]: sum of x[i] x[i + d], for two channels d apart
  std::vector<uint8_t> least_, greatest_;
  std::vector<double> products_; // lower triangle of values x values: sums of (x - 128) (x' - 128)
};

// Reads every image of the source once. `progress` (may be empty) is told how many are done. Throws what reading
// throws, and Error (data) for an empty source.
ImageMoments measure_images(const DataSource& source, const MeasureOptions& options, ThreadPool& pool,
                            const std::function<void(int64_t)>& progress);

} // namespace kiln::runtime
