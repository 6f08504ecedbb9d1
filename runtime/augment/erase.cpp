// Covers a rectangle of an image.
#include "runtime/augment/erase.h"

#include "runtime/counter_random.h"
#include "runtime/vector_math.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kiln::runtime {
namespace {

int64_t side_of(float length, int64_t most) { return std::clamp<int64_t>(std::lround(length), 1, most); }

} // namespace

Rectangle rectangle_of(const ImageShape& shape, float area, float aspect) {
  const float pixels = area * static_cast<float>(shape.height * shape.width);
  return {0, 0, side_of(math::sqrt(pixels / aspect), shape.height), side_of(math::sqrt(pixels * aspect), shape.width)};
}

void erase(const ImageView& image, const Rectangle& part, const kiln_outside& fill, std::optional<uint64_t> noise_key,
           uint8_t* result) {
  memcpy(result, image.bytes, static_cast<size_t>(image.shape.bytes()));
  const int64_t channels = image.shape.channels;
  for (int64_t row = part.top; row < part.top + part.height; ++row)
    for (int64_t column = part.left; column < part.left + part.width; ++column)
      for (int64_t channel = 0; channel < channels; ++channel) {
        const int64_t at = (row * image.shape.width + column) * channels + channel;
        result[at] = noise_key ? static_cast<uint8_t>(random::draw(*noise_key, static_cast<uint64_t>(at)) >> 24)
                               : fill_value(fill, channel);
      }
}

} // namespace kiln::runtime
