// Samples that are made up: each class has a smooth pattern, and a sample is the pattern of its class with noise. Easy
// to learn, and needs no files. Every value is a function of (seed, sample, field, element); nothing is stored.
#include "runtime/synthetic_source.h"

#include "runtime/counter_random.h"
#include "runtime/number_format.h"

#include <algorithm>

namespace kiln::runtime {
namespace {

constexpr int64_t regions = 3;    // a side, where the label is a map
constexpr int64_t grid = 4;       // nodes a side that a pattern runs smoothly between
constexpr float noise = 0.15f;    // of values that patterns spread over [-1, 1]
constexpr float sharpness = 0.8f; // share of a distribution that the class has

struct Plane {
  int64_t height, width;
};

// One channel of a class's pattern: values from -1 to 1.
class Pattern {
public:
  Pattern(uint64_t key, int64_t channel_of_class, Plane plane) : plane_(plane) {
    for (int64_t node = 0; node < grid * grid; ++node) {
      uint32_t draw = random::draw(key, static_cast<uint64_t>(channel_of_class * grid * grid + node));
      nodes_[node] = 2 * random::uniform(draw) - 1;
    }
  }

  float at(int64_t y, int64_t x) const {
    const float row = place(y, plane_.height), column = place(x, plane_.width);
    const auto top = static_cast<int64_t>(row), left = static_cast<int64_t>(column);
    const float down = row - static_cast<float>(top), right = column - static_cast<float>(left);
    const float* above = nodes_ + top * grid + left;
    const float* below = above + grid;
    const float upper = above[0] + right * (above[1] - above[0]);
    const float lower = below[0] + right * (below[1] - below[0]);
    return upper + down * (lower - upper);
  }

private:
  // Of an index among the nodes, such that a node stands behind it too.
  static float place(int64_t index, int64_t size) {
    return static_cast<float>(index) * (static_cast<float>(grid - 1) - 0.01f) /
           static_cast<float>(std::max<int64_t>(size, 1));
  }

  Plane plane_;
  float nodes_[grid * grid];
};

class SyntheticSource : public DataSource {
public:
  explicit SyntheticSource(SyntheticOptions options)
      : options_(std::move(options)), class_key_(key_of("class")), image_key_(key_of("image")),
        noise_key_(key_of("noise")), label_key_(key_of("label")) {
    const Field* label = find_field(label_name);
    has_map_ =
        label &&
        ((label->dtype == KILN_I32 && label->dims.size() == 2) ||
         (label->dtype == KILN_F32 && options_.target == SyntheticTarget::distribution && label->dims.size() == 3));
  }

  int64_t size() const override { return options_.samples; }
  std::span<const Field> fields() const override { return options_.fields; }
  bool in_memory() const override { return false; } // drawing takes its time
  std::string describe(int64_t index) const override { return "synthetic data: sample " + format_integer(index); }

  void read(int64_t index, size_t field, void* out) const override {
    const Field& wanted = options_.fields[field];
    if (wanted.name == image_name && wanted.dtype == KILN_U8 && wanted.dims.size() == 3)
      return read_image(index, wanted, static_cast<uint8_t*>(out));
    if (wanted.dtype == KILN_I32) return read_classes(index, wanted, static_cast<int32_t*>(out));
    if (wanted.dtype == KILN_U8) return; // there is no such field
    auto* values = static_cast<float*>(out);
    if (wanted.name != label_name) return read_values(index, wanted, random::stream_id(wanted.name), 0.5f, values);
    switch (options_.target) {
    case SyntheticTarget::values:
      return read_values(index, wanted, label_key_, noise, values);
    case SyntheticTarget::distribution:
      return read_distribution(index, wanted, values);
    case SyntheticTarget::flags:
      return read_flags(index, wanted, values);
    }
  }

private:
  uint64_t key_of(std::string_view name) const {
    return random::stream_key(options_.seed, uint64_t{0}, random::stream_id(name));
  }
  uint64_t number_of(int64_t sample) const { return static_cast<uint64_t>(options_.first_sample + sample); }
  uint64_t noise_key(int64_t sample, uint64_t stream) const {
    return random::stream_key(noise_key_, number_of(sample), stream);
  }

  // Of a region; an image that is of one class has its class in the first.
  int64_t class_of(int64_t sample, int64_t region = 0) const {
    uint64_t place = number_of(sample) * static_cast<uint64_t>(regions * regions) + static_cast<uint64_t>(region);
    return static_cast<int64_t>(random::draw(class_key_, place) % static_cast<uint64_t>(options_.classes));
  }
  static int64_t region_of(int64_t y, int64_t x, Plane plane) {
    return y * regions / plane.height * regions + x * regions / plane.width;
  }

  void read_image(int64_t sample, const Field& field, uint8_t* out) const {
    const Plane plane{field.dims[0], field.dims[1]};
    const int64_t channels = field.dims[2];
    for (int64_t channel = 0; channel < channels; ++channel) {
      if (!has_map_) {
        const Pattern pattern(image_key_, class_of(sample) * channels + channel, plane);
        for (int64_t y = 0; y < plane.height; ++y)
          for (int64_t x = 0; x < plane.width; ++x)
            out[(y * plane.width + x) * channels + channel] = byte_of(pattern.at(y, x));
        continue;
      }
      for (int64_t region = 0; region < regions * regions; ++region) {
        const int64_t of_class = class_of(sample, region) * channels + channel;
        const Pattern pattern(image_key_, of_class, plane);
        // A level of its own tells a class where little of its pattern is seen.
        const float level = 2 * random::uniform(random::draw(label_key_, static_cast<uint64_t>(of_class))) - 1;
        for (int64_t y = 0; y < plane.height; ++y)
          for (int64_t x = 0; x < plane.width; ++x)
            if (region_of(y, x, plane) == region)
              out[(y * plane.width + x) * channels + channel] = byte_of(0.7f * level + 0.3f * pattern.at(y, x));
      }
    }
    // One draw serves four bytes: -24 to 24 each.
    const uint64_t key = noise_key(sample, image_key_);
    uint32_t draw = 0;
    for (int64_t i = 0; i < field.elements(); ++i) {
      if (i % 4 == 0) draw = random::draw(key, static_cast<uint64_t>(i / 4));
      const int value = out[i] + static_cast<int>((draw >> (8 * (i % 4)) & 255) * 49 / 256) - 24;
      out[i] = static_cast<uint8_t>(std::clamp(value, 0, 255));
    }
  }
  static uint8_t byte_of(float value) { return static_cast<uint8_t>(127.5f + 100 * value); }

  void read_classes(int64_t sample, const Field& field, int32_t* out) const {
    if (!has_map_) {
      std::fill(out, out + field.elements(), static_cast<int32_t>(class_of(sample)));
      return;
    }
    const Plane plane{field.dims[0], field.dims[1]};
    for (int64_t y = 0; y < plane.height; ++y)
      for (int64_t x = 0; x < plane.width; ++x)
        out[y * plane.width + x] = static_cast<int32_t>(class_of(sample, region_of(y, x, plane)));
  }

  // Channels x height x width where there are three dims, else each value by itself.
  void read_values(int64_t sample, const Field& field, uint64_t stream, float noise_share, float* out) const {
    const uint64_t pattern_key = random::stream_key(options_.seed, uint64_t{1}, stream);
    const uint64_t key = noise_key(sample, stream);
    const bool planes = field.dims.size() == 3;
    const Plane plane{planes ? field.dims[1] : 1, planes ? field.dims[2] : 1};
    const int64_t values = plane.height * plane.width, channels = field.elements() / values;
    for (int64_t channel = 0; channel < channels; ++channel) {
      const Pattern pattern(pattern_key, class_of(sample) * channels + channel, plane);
      for (int64_t i = 0; i < values; ++i) {
        const int64_t at = channel * values + i;
        const float drawn = 2 * random::uniform(random::draw(key, static_cast<uint64_t>(at))) - 1;
        out[at] = pattern.at(i / plane.width, i % plane.width) + noise_share * drawn;
      }
    }
  }

  void read_distribution(int64_t sample, const Field& field, float* out) const {
    const int64_t classes = field.dims[0], positions = field.elements() / classes;
    const Plane plane{has_map_ ? field.dims[1] : 1, has_map_ ? field.dims[2] : 1};
    for (int64_t p = 0; p < positions; ++p) {
      const int64_t label =
          has_map_ ? class_of(sample, region_of(p / plane.width, p % plane.width, plane)) : class_of(sample);
      for (int64_t c = 0; c < classes; ++c)
        out[c * positions + p] = (1 - sharpness) / static_cast<float>(classes) + (c == label ? sharpness : 0);
    }
  }

  void read_flags(int64_t sample, const Field& field, float* out) const {
    for (int64_t i = 0; i < field.elements(); ++i) {
      uint64_t place = static_cast<uint64_t>(class_of(sample) * field.elements() + i);
      out[i] = static_cast<float>(random::draw(label_key_, place) >> 31);
    }
  }

  SyntheticOptions options_;
  uint64_t class_key_, image_key_, noise_key_, label_key_;
  bool has_map_ = false;
};

} // namespace

std::unique_ptr<DataSource> make_synthetic_source(SyntheticOptions options) {
  return std::make_unique<SyntheticSource>(std::move(options));
}

} // namespace kiln::runtime
