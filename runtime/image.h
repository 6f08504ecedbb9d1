// An image in memory: rows of interleaved bytes. And the shape that all images of a data set have in the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::runtime {

struct ImageShape {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;

  int64_t bytes() const { return height * width * channels; }
  bool operator==(const ImageShape&) const = default;
};

std::string to_string(const ImageShape& shape); // "28x28x1"

struct Image {
  ImageShape shape;            // of what is held
  std::vector<uint8_t> pixels; // at least shape.bytes(): keeps its memory from image to image
  // Where that lies in the picture, of which a decoder may leave out what nobody looks at.
  int64_t top = 0, left = 0;
  int64_t whole_height = 0, whole_width = 0;

  void resize(const ImageShape& wanted) {
    shape = wanted;
    top = left = 0;
    whole_height = wanted.height;
    whole_width = wanted.width;
    if (pixels.size() < static_cast<size_t>(wanted.bytes())) pixels.resize(static_cast<size_t>(wanted.bytes()));
  }
};

// Grey to RGB by repetition, RGB to grey by (19595 R + 38470 G + 7471 B + 32768) >> 16, libjpeg's own luma, so that a
// JPEG and a PNG of the same picture agree. `channels` is 1 or 3, as is the image's.
void convert_channels(Image& image, int64_t channels);

// Turns and mirrors as the EXIF orientation (1 to 8) says, so that the picture is upright; others change nothing.
void apply_orientation(Image& image, int orientation);

} // namespace kiln::runtime
