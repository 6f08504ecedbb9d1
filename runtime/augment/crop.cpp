// Cuts a part out of an image, which may reach beyond it; and the part that is cut where nothing is drawn.
#include "runtime/augment/crop.h"

#include "runtime/error.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace kiln::runtime {
namespace {

void fill_pixels(uint8_t* to, int64_t count, int64_t channels, const kiln_outside& outside) {
  for (int64_t pixel = 0; pixel < count; ++pixel)
    for (int64_t channel = 0; channel < channels; ++channel) *to++ = fill_value(outside, channel);
}

} // namespace

void crop_image(const ImageView& image, int64_t top, int64_t left, int64_t height, int64_t width,
                const kiln_outside& outside, uint8_t* result) {
  const int64_t channels = image.shape.channels;
  const auto pixel_bytes = static_cast<size_t>(channels);
  // Columns of the result that lie inside the image.
  const int64_t first = std::clamp<int64_t>(-left, 0, width);
  const int64_t last = std::clamp<int64_t>(image.shape.width - left, first, width);
  for (int64_t row = 0; row < height; ++row, result += width * channels) {
    const int64_t y = index_inside(top + row, image.shape.height, outside.border);
    if (y < 0) {
      fill_pixels(result, width, channels, outside);
      continue;
    }
    const auto put_outside = [&](int64_t begin, int64_t end) {
      for (int64_t column = begin; column < end; ++column) {
        const int64_t x = index_inside(left + column, image.shape.width, outside.border);
        if (x < 0)
          fill_pixels(result + column * channels, 1, channels, outside);
        else
          memcpy(result + column * channels, image.pixel(y, x), pixel_bytes);
      }
    };
    put_outside(0, first);
    if (last > first)
      memcpy(result + first * channels, image.pixel(y, left + first), static_cast<size_t>(last - first) * pixel_bytes);
    put_outside(last, width);
  }
}

namespace {

class CenterCropSource : public DataSource {
public:
  CenterCropSource(const DataSource& source, std::shared_ptr<const DataSource> owned, int64_t height, int64_t width)
      : owned_(std::move(owned)), source_(source), whole_(source.image_shape()), part_{height, width, whole_.channels},
        fields_(source.fields().begin(), source.fields().end()) {
    if (whole_.height < height || whole_.width < width)
      throw Error(ErrorKind::data, source.describe(0) + ": images are " + to_string(whole_) +
                                       " (height x width x channels), too small to cut " + format_integer(height) +
                                       "x" + format_integer(width) + " from their middle");
    for (Field& field : fields_)
      if (field.name == image_name) field = image_field(part_);
  }

  int64_t size() const override { return source_.size(); }
  std::span<const Field> fields() const override { return fields_; }
  std::string describe(int64_t index) const override { return source_.describe(index); }
  bool in_memory() const override { return source_.in_memory(); }
  ImageShape stored_shape(int64_t index) const override { return source_.stored_shape(index); }

  void read(int64_t index, size_t field, void* out) const override {
    if (fields_[field] == source_.fields()[field]) return source_.read(index, field, out);
    std::vector<uint8_t> image(static_cast<size_t>(whole_.bytes()));
    source_.read(index, field, image.data());
    crop_image({image.data(), whole_}, (whole_.height - part_.height) / 2, (whole_.width - part_.width) / 2,
               part_.height, part_.width, {}, static_cast<uint8_t*>(out));
  }

private:
  std::shared_ptr<const DataSource> owned_; // or null
  const DataSource& source_;
  ImageShape whole_, part_;
  std::vector<Field> fields_;
};

} // namespace

std::shared_ptr<const DataSource> crop_center(std::shared_ptr<const DataSource> source, int64_t height, int64_t width) {
  const ImageShape shape = source->image_shape();
  if (shape.height == height && shape.width == width) return source;
  const DataSource& cropped = *source;
  return std::make_shared<CenterCropSource>(cropped, std::move(source), height, width);
}

std::unique_ptr<DataSource> crop_center(const DataSource& source, int64_t height, int64_t width) {
  return std::make_unique<CenterCropSource>(source, nullptr, height, width);
}

} // namespace kiln::runtime
