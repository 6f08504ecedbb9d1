// An image in memory: rows of interleaved bytes. And the shape that all images of a data set have in the end.
#include "runtime/image.h"

#include "runtime/number_format.h"

#include <algorithm>
#include <cstring>

namespace kiln::runtime {

std::string to_string(const ImageShape& shape) {
  return format_integer(shape.height) + "x" + format_integer(shape.width) + "x" + format_integer(shape.channels);
}

void convert_channels(Image& image, int64_t channels) {
  if (image.shape.channels == channels) return;
  const auto pixels = static_cast<size_t>(image.shape.height * image.shape.width);
  if (channels == 1) {
    for (size_t at = 0; at < pixels; ++at) {
      const uint8_t* rgb = &image.pixels[3 * at];
      image.pixels[at] = static_cast<uint8_t>((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
    }
    image.shape.channels = 1;
    return;
  }
  image.resize({image.shape.height, image.shape.width, 3});
  for (size_t at = pixels; at-- > 0;) {
    const uint8_t grey = image.pixels[at];
    image.pixels[3 * at] = image.pixels[3 * at + 1] = image.pixels[3 * at + 2] = grey;
  }
}

void apply_orientation(Image& image, int orientation) {
  if (orientation < 2 || orientation > 8) return;
  const ImageShape from = image.shape;
  // 5 to 8 are transposed; the stored columns are read backwards by 2, 3, 7, 8, the stored rows by 3, 4, 6, 7.
  const bool transposed = orientation >= 5;
  const bool reverse_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool reverse_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image upright;
  upright.resize(transposed ? ImageShape{from.width, from.height, from.channels} : from);
  uint8_t* out = upright.pixels.data();
  for (int64_t y = 0; y < upright.shape.height; ++y) {
    for (int64_t x = 0; x < upright.shape.width; ++x) {
      const int64_t row = transposed ? x : y;
      const int64_t column = transposed ? y : x;
      const int64_t from_y = reverse_y ? from.height - 1 - row : row;
      const int64_t from_x = reverse_x ? from.width - 1 - column : column;
      const uint8_t* pixel = &image.pixels[static_cast<size_t>((from_y * from.width + from_x) * from.channels)];
      for (int64_t channel = 0; channel < from.channels; ++channel) *out++ = pixel[channel];
    }
  }
  image = std::move(upright);
}

} // namespace kiln::runtime
