// Left and right of an image change places.
#include "runtime/augment/flip.h"

#include <cstring>

namespace kiln::runtime {
namespace {

// A pixel's size known to the compiler: moving it is a move or two, not a call.
template <int64_t Channels> void flip_rows(const ImageView& image, uint8_t* result) {
  const int64_t width = image.shape.width;
  for (int64_t row = 0; row < image.shape.height; ++row) {
    const uint8_t* from = image.pixel(row, 0);
    uint8_t* to = result + (row + 1) * width * Channels;
    for (int64_t column = 0; column < width; ++column) memcpy(to -= Channels, from + column * Channels, Channels);
  }
}

} // namespace

void flip_image(const ImageView& image, uint8_t* result) {
  const int64_t channels = image.shape.channels, width = image.shape.width;
  if (channels == 1) return flip_rows<1>(image, result);
  if (channels == 3) return flip_rows<3>(image, result);
  for (int64_t row = 0; row < image.shape.height; ++row)
    for (int64_t column = 0; column < width; ++column)
      memcpy(result + ((row + 1) * width - 1 - column) * channels, image.pixel(row, column),
             static_cast<size_t>(channels));
}

} // namespace kiln::runtime
