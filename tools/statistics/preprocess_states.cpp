// From the moments of the training images to the states of the pre-processing: center, factor, rotation.
#include "tools/statistics/preprocess_states.h"

#include "frontend/import/preprocess.h"
#include "runtime/error.h"
#include "runtime/number_format.h"
#include "runtime/safetensors.h"

#include <algorithm>
#include <cmath>

namespace kiln::statistics {
namespace {

using runtime::ImageMoments;

double sign_of(double x) { return x < 0 ? -1 : 1; }

// The values of an image in logical order, and where moments have them.
class Image {
public:
  explicit Image(const ImageMoments& moments) : moments_(moments), shape_(moments.shape()) {}

  int64_t channels() const { return shape_.channels; }
  int64_t pixels() const { return shape_.height * shape_.width; }
  int64_t values() const { return channels() * pixels(); }
  std::vector<int64_t> dims() const { return {shape_.channels, shape_.height, shape_.width}; }
  int64_t stored(int64_t channel, int64_t pixel) const { return pixel * channels() + channel; }
  int64_t stored(int64_t value) const { return stored(value / pixels(), value % pixels()); }

  double mean(int64_t channel, int64_t pixel) const { return moments_.mean(stored(channel, pixel)); }
  double channel_mean(int64_t channel) const {
    double sum = 0;
    for (int64_t pixel = 0; pixel < pixels(); ++pixel) sum += mean(channel, pixel);
    return sum / static_cast<double>(pixels());
  }
  // Over images and pixels, of (x - center) weight; both are functions of channel and pixel.
  template <class Center, class Weight>
  double channel_covariance(int64_t a, int64_t b, Center center, Weight weight) const {
    double sum = 0;
    for (int64_t pixel = 0; pixel < pixels(); ++pixel) {
      const double apart = (mean(a, pixel) - center(a, pixel)) * (mean(b, pixel) - center(b, pixel));
      sum +=
          (moments_.pixel_covariance(stored(a, pixel), stored(b, pixel)) + apart) * weight(a, pixel) * weight(b, pixel);
    }
    return sum / static_cast<double>(pixels());
  }

private:
  const ImageMoments& moments_;
  runtime::ImageShape shape_;
};

// A value for each channel, or for each value of the image.
struct PerValue {
  bool has_pixels;
  int64_t pixels;
  std::vector<double> values;

  PerValue(bool has_pixels, const Image& image)
      : has_pixels(has_pixels), pixels(image.pixels()),
        values(static_cast<size_t>(has_pixels ? image.values() : image.channels())) {}
  double operator()(int64_t channel, int64_t pixel) const {
    return values[static_cast<size_t>(has_pixels ? channel * pixels + pixel : channel)];
  }
  // Sets each from (channel, pixel); pixel is 0 where there is one for the channel.
  template <class Make> void set(Make make) {
    for (size_t i = 0; i < values.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      values[i] = has_pixels ? make(at / pixels, at % pixels) : make(at, 0);
    }
  }
  NamedTensor named(std::string_view name, const Image& image) const {
    return {std::string(name), has_pixels ? image.dims() : std::vector<int64_t>{image.channels()}, values};
  }
};

class StateMaker {
public:
  StateMaker(const proto::Preprocess& preprocess, const ImageMoments& moments)
      : preprocess_(preprocess), moments_(moments), image_(moments),
        center_(preprocess.has_min_max() || (preprocess.has_zero_center() && preprocess.zero_center() == proto::PIXEL),
                image_),
        factor_(preprocess.has_min_max() ||
                    (preprocess.has_divide_by_std() && preprocess.divide_by_std() == proto::PIXEL),
                image_) {}

  PreprocessStates run() {
    if (preprocess_.has_min_max())
      set_range();
    else
      set_center_and_factor();
    PreprocessStates made;
    made.states = {center_.named(frontend::kCenterState, image_), factor_.named(frontend::kFactorState, image_)};
    if (preprocess_.decorrelation_case() != proto::Preprocess::DECORRELATION_NOT_SET) {
      const bool of_color = frontend::whitened_of(preprocess_) == proto::COLOR;
      const int64_t n = of_color ? image_.channels() : image_.values();
      const Eigen eigen = symmetric_eigen(of_color ? color_covariance() : image_covariance(), n);
      made.states.push_back(rotation(eigen, n));
      made.eigenvalues = eigen.values;
    }
    return made;
  }

private:
  double given(const google::protobuf::RepeatedField<double>& values, int64_t channel) const {
    return values.Get(values.size() == 1 ? 0 : static_cast<int>(channel));
  }

  // From -1 to 1; 0 where there is no range.
  void set_range() {
    center_.set([&](int64_t channel, int64_t pixel) {
      const int64_t at = image_.stored(channel, pixel);
      return (moments_.least(at) + moments_.greatest(at)) / 2.0;
    });
    factor_.set([&](int64_t channel, int64_t pixel) {
      const int64_t at = image_.stored(channel, pixel);
      const int range = moments_.greatest(at) - moments_.least(at);
      return range == 0 ? 0 : sign_of(preprocess_.scale()) * 2 / range;
    });
  }

  // Given values first: (x scale - mean) / std is (x - mean / scale) (scale / std).
  void set_center_and_factor() {
    const bool zero_center = preprocess_.has_zero_center();
    center_.set([&](int64_t channel, int64_t pixel) {
      if (!zero_center) return given(preprocess_.mean(), channel) / preprocess_.scale();
      return center_.has_pixels ? image_.mean(channel, pixel) : image_.channel_mean(channel);
    });
    factor_.set([&](int64_t channel, int64_t pixel) {
      if (!preprocess_.has_divide_by_std()) return preprocess_.scale() / given(preprocess_.std(), channel);
      const double variance = factor_.has_pixels ? moments_.variance(image_.stored(channel, pixel)) : spread(channel);
      return sign_of(preprocess_.scale()) / std::max(std::sqrt(variance), preprocess_.least_std());
    });
  }

  // Of a channel, as zero_center leaves it.
  double spread(int64_t channel) const {
    const bool around_pixels = preprocess_.has_zero_center() && center_.has_pixels;
    const double mean = image_.channel_mean(channel);
    return image_.channel_covariance(
        channel, channel, [&](int64_t c, int64_t pixel) { return around_pixels ? image_.mean(c, pixel) : mean; },
        [](int64_t, int64_t) { return 1.0; });
  }

  std::vector<double> color_covariance() const {
    const int64_t n = image_.channels();
    std::vector<double> covariance(static_cast<size_t>(n * n));
    for (int64_t a = 0; a < n; ++a)
      for (int64_t b = 0; b <= a; ++b)
        covariance[static_cast<size_t>(a * n + b)] = image_.channel_covariance(a, b, center_, factor_);
    return covariance;
  }

  std::vector<double> image_covariance() const {
    const int64_t n = image_.values(), pixels = image_.pixels();
    std::vector<double> covariance(static_cast<size_t>(n * n));
    for (int64_t a = 0; a < n; ++a)
      for (int64_t b = 0; b <= a; ++b)
        covariance[static_cast<size_t>(a * n + b)] = moments_.covariance(image_.stored(a), image_.stored(b)) *
                                                     factor_(a / pixels, a % pixels) * factor_(b / pixels, b % pixels);
    return covariance;
  }

  NamedTensor rotation(const Eigen& eigen, int64_t n) const {
    const bool whitens = !preprocess_.has_pca();
    const double epsilon = preprocess_.has_zca() ? preprocess_.zca().epsilon() : preprocess_.pca_whitening().epsilon();
    int64_t kept = frontend::components_of(preprocess_);
    if (kept == 0) kept = n;
    std::vector<double> rows(eigen.vectors.begin(), eigen.vectors.begin() + kept * n);
    for (int64_t k = 0; whitens && k < kept; ++k) {
      const double spread = std::max(eigen.values[static_cast<size_t>(k)], 0.0) + epsilon;
      if (!(spread > 0))
        throw runtime::Error(runtime::ErrorKind::data,
                             "whitening: eigenvalue " + runtime::format_integer(k + 1) + " of " +
                                 runtime::format_integer(n) +
                                 " of the training images' covariance is 0: epsilon must be above 0, or fewer "
                                 "components kept");
      for (int64_t i = 0; i < n; ++i) rows[static_cast<size_t>(k * n + i)] /= std::sqrt(spread);
    }
    if (preprocess_.has_zca()) rows = transposed_product(eigen.vectors, rows, n, n);
    return {std::string(frontend::kRotationState), {kept, n}, std::move(rows)};
  }

  const proto::Preprocess& preprocess_;
  const ImageMoments& moments_;
  const Image image_;
  PerValue center_, factor_;
};

} // namespace

bool needs_covariance(const proto::Preprocess& preprocess) {
  return preprocess.decorrelation_case() != proto::Preprocess::DECORRELATION_NOT_SET &&
         frontend::whitened_of(preprocess) == proto::IMAGE;
}

PreprocessStates make_states(const proto::Preprocess& preprocess, const ImageMoments& moments) {
  return StateMaker(preprocess, moments).run();
}

std::vector<NamedTensor> summarize(const ImageMoments& moments, Detail detail) {
  const Image image(moments);
  const int64_t channels = image.channels(), values = image.values();
  std::vector<NamedTensor> tensors;
  const auto add = [&](const char* name, std::vector<int64_t> dims, auto make) {
    NamedTensor tensor{name, std::move(dims), {}};
    int64_t count = 1;
    for (int64_t dim : tensor.dims) count *= dim;
    for (int64_t i = 0; i < count; ++i) tensor.values.push_back(make(i));
    tensors.push_back(std::move(tensor));
  };
  const auto channel_covariance = [&](int64_t a, int64_t b) {
    return image.channel_covariance(
        a, b, [&](int64_t channel, int64_t) { return image.channel_mean(channel); },
        [](int64_t, int64_t) { return 1.0; });
  };
  add("mean", image.dims(), [&](int64_t i) { return moments.mean(image.stored(i)); });
  add("std", image.dims(), [&](int64_t i) { return std::sqrt(moments.variance(image.stored(i))); });
  add("min", image.dims(), [&](int64_t i) { return static_cast<double>(moments.least(image.stored(i))); });
  add("max", image.dims(), [&](int64_t i) { return static_cast<double>(moments.greatest(image.stored(i))); });
  add("channel_mean", {channels}, [&](int64_t c) { return image.channel_mean(c); });
  add("channel_std", {channels}, [&](int64_t c) { return std::sqrt(channel_covariance(c, c)); });
  add("channel_covariance", {channels, channels},
      [&](int64_t i) { return channel_covariance(i / channels, i % channels); });
  const Eigen colors = symmetric_eigen(tensors.back().values, channels);
  tensors.push_back({"channel_eigenvalues", {channels}, colors.values});
  tensors.push_back({"channel_eigenvectors", {channels, channels}, colors.vectors});
  if (detail != Detail::all || !moments.has_covariance()) return tensors;
  add("covariance", {values, values},
      [&](int64_t i) { return moments.covariance(image.stored(i / values), image.stored(i % values)); });
  const Eigen eigen = symmetric_eigen(tensors.back().values, values);
  tensors.push_back({"eigenvalues", {values}, eigen.values});
  tensors.push_back({"eigenvectors", {values, values}, eigen.vectors});
  return tensors;
}

void write_tensors(const std::string& path, const std::vector<NamedTensor>& tensors, int64_t count) {
  std::vector<runtime::SafetensorsTensor> entries;
  for (const NamedTensor& tensor : tensors) entries.push_back({tensor.name, "F64", tensor.dims, 0, 0});
  runtime::SafetensorsWriter writer(path, entries, {{"kiln.images", runtime::format_integer(count)}});
  for (const NamedTensor& tensor : tensors) writer.write(tensor.values.data(), tensor.values.size() * sizeof(double));
  writer.commit();
}

} // namespace kiln::statistics
