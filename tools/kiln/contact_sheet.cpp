// A picture of what the network will see: samples, and beside each what augmentation makes of it.
#include "contact_sheet.h"

#include "runtime/augment/augmenter.h"
#include "runtime/augment/mixer.h"
#include "runtime/error.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <png.h>

namespace kiln::tools {

namespace {

constexpr int64_t kSamples = 8;
constexpr int64_t kCell = 64; // pixels that an enlarged image should have at least
constexpr int64_t kGap = 4;
constexpr uint8_t kBackground = 96;

// RGB, row-major.
struct Canvas {
  int64_t width, height;
  std::vector<uint8_t> pixels;

  Canvas(int64_t width, int64_t height)
      : width(width), height(height), pixels(static_cast<size_t>(width * height * 3), kBackground) {}

  void put(const uint8_t* image, const runtime::ImageShape& shape, int64_t left, int64_t top, int64_t enlarge) {
    for (int64_t y = 0; y < shape.height * enlarge; ++y)
      for (int64_t x = 0; x < shape.width * enlarge; ++x) {
        const uint8_t* from = image + (y / enlarge * shape.width + x / enlarge) * shape.channels;
        uint8_t* to = pixels.data() + ((top + y) * width + left + x) * 3;
        for (int64_t color = 0; color < 3; ++color) to[color] = from[shape.channels >= 3 ? color : 0];
      }
  }
};

void write_png(const std::string& path, const Canvas& canvas) {
  png_image picture{};
  picture.version = PNG_IMAGE_VERSION;
  picture.width = static_cast<png_uint_32>(canvas.width);
  picture.height = static_cast<png_uint_32>(canvas.height);
  picture.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&picture, path.c_str(), 0, canvas.pixels.data(), 0, nullptr) == 0)
    throw runtime::Error(runtime::ErrorKind::runtime, fmt::format("cannot write {}: {}", path, picture.message));
}

} // namespace

void write_contact_sheet(const std::string& path, const runtime::DataSource& source, const Augmentation& augmentation,
                         int64_t variants, uint64_t seed) {
  const auto stages = runtime::image_stages(augmentation.stages()),
             mixing = runtime::batch_stages(augmentation.stages());
  std::optional<runtime::Augmenter> augmenter;
  if (!stages.empty()) augmenter.emplace(stages, source.image_shape(), seed);
  const size_t field = source.index_of(*source.find_field(runtime::image_name));
  const runtime::ImageShape before = source.image_shape(), after = augmenter ? augmenter->shape() : before;
  const int64_t enlarge = std::max<int64_t>(1, kCell / std::max(before.height, before.width));
  const int64_t samples = std::min(kSamples, source.size());
  const int64_t row_height = std::max(before.height, after.height) * enlarge + kGap;
  // A wider gap behind the originals.
  const int64_t variants_left = before.width * enlarge + 4 * kGap;
  Canvas canvas(variants_left + variants * (after.width * enlarge + kGap), samples * row_height + kGap);
  std::vector<int64_t> numbers;
  for (int64_t row = 0; row < samples; ++row) numbers.push_back(row * source.size() / samples);
  const auto top = [&](int64_t row) { return kGap + row * row_height; };
  std::vector<uint8_t> original(static_cast<size_t>(before.bytes()));
  for (int64_t row = 0; row < samples; ++row) {
    source.read(numbers[static_cast<size_t>(row)], field, original.data());
    canvas.put(original.data(), before, kGap, top(row), enlarge);
  }
  // The samples shown are the batch that mixup and cutmix mix; labels are not seen.
  std::vector<uint8_t> batch(static_cast<size_t>(samples * after.bytes()));
  std::vector<float> labels(static_cast<size_t>(samples));
  const runtime::Mixer mixer(mixing, after, 1, seed);
  runtime::Mixer::Scratch unmixed = mixer.make_scratch(samples);
  runtime::Augmenter::Scratch scratch = augmenter ? augmenter->make_scratch() : runtime::Augmenter::Scratch();
  for (int64_t epoch = 0; epoch < variants; ++epoch) {
    for (int64_t row = 0; row < samples; ++row) {
      uint8_t* image = batch.data() + row * after.bytes();
      const int64_t sample = numbers[static_cast<size_t>(row)];
      source.read(sample, field, augmenter ? augmenter->source(scratch) : image);
      if (augmenter) augmenter->run(scratch, epoch, sample, image);
    }
    if (!mixing.empty()) mixer.mix(numbers, epoch, batch.data(), labels.data(), unmixed, nullptr);
    for (int64_t row = 0; row < samples; ++row)
      canvas.put(batch.data() + row * after.bytes(), after, variants_left + epoch * (after.width * enlarge + kGap),
                 top(row), enlarge);
  }
  write_png(path, canvas);
}

} // namespace kiln::tools
