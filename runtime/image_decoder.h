// Turns the bytes of an image file into pixels: JPEG, PNG, PPM and PGM, told apart by content, never by name.
// Whatever the bytes are, the outcome is an image or an Error (data) that begins with the file's name.
#pragma once

#include "runtime/fit_image.h"
#include "runtime/image.h"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kiln::runtime {

using Bytes = std::span<const uint8_t>;

enum class ImageFormat : uint8_t { jpeg, png, pnm };

// Beyond this many pixels an image is refused: a header is not believed with more memory.
inline constexpr int64_t max_image_pixels = int64_t{1} << 27;

struct ImageInfo {
  ImageFormat format = ImageFormat::jpeg;
  ImageShape shape; // as the header has it: before orientation; 1 channel for grey, else 3
};

struct DecodeOptions {
  int64_t channels = 3; // 1 or 3: what is not so is converted (convert_channels)
  // What is see-through shows this colour: (alpha * value + (255 - alpha) * background) / 255, rounded.
  std::array<uint8_t, 3> background = {255, 255, 255};
  // Where it is known what the image becomes, a large JPEG is decoded at a half, a quarter or an eighth of its size, as
  // long as that is at least the size it is resampled to. The decoder then shrinks by whole blocks, far cheaper.
  const FitRule* fit = nullptr;
};

// Keeps its memory from image to image; one a thread.
class ImageDecoder {
public:
  ImageDecoder();
  ~ImageDecoder();
  ImageDecoder(ImageDecoder&&) noexcept;
  ImageDecoder& operator=(ImageDecoder&&) noexcept;

  // From the header alone.
  ImageInfo read_info(Bytes file, std::string_view name);
  // Upright: the EXIF orientation is applied.
  void decode(Bytes file, std::string_view name, const DecodeOptions& options, Image& image);

private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Throws the Error of a file that is empty or of a format that is not read, naming the format where it is known.
ImageFormat detect_image_format(Bytes file, std::string_view name);
// Throws the Error of a header that no file of `file_bytes` can fulfil: sides of 0, too many pixels, or more of them
// than `pixels_per_byte` allows.
void check_image_size(int64_t height, int64_t width, int64_t pixels_per_byte, size_t file_bytes, std::string_view name);

} // namespace kiln::runtime
