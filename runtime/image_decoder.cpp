// Turns the bytes of an image file into pixels: JPEG, PNG, PPM and PGM, told apart by content, never by name.
// Whatever the bytes are, the outcome is an image or an Error (data) that begins with the file's name.
#include "runtime/image_decoder.h"

#include "runtime/error.h"
#include "runtime/jpeg_decoder.h"
#include "runtime/number_format.h"
#include "runtime/png_decoder.h"
#include "runtime/pnm_decoder.h"

namespace kiln::runtime {
namespace {

[[noreturn]] void fail(std::string_view name, const std::string& what) {
  throw Error(ErrorKind::data, std::string(name) + ": " + what);
}

bool starts(Bytes file, std::string_view start, size_t at = 0) {
  return file.size() >= at + start.size() &&
         std::string_view(reinterpret_cast<const char*>(file.data()) + at, start.size()) == start;
}

// A format that people meet but that is not read; empty if unknown.
std::string_view foreign_format(Bytes file) {
  if (starts(file, "GIF8")) return "a GIF";
  if (starts(file, "RIFF") && starts(file, "WEBP", 8)) return "a WebP";
  if (starts(file, "BM")) return "a BMP";
  if (starts(file, std::string_view("II*\0", 4)) || starts(file, std::string_view("MM\0*", 4))) return "a TIFF";
  if (starts(file, "ftyp", 4)) return "an AVIF, HEIC or video";
  if (starts(file, "P1") || starts(file, "P4")) return "a PBM";
  if (starts(file, "<")) return "an HTML or XML";
  return {};
}

} // namespace

struct ImageDecoder::Parts {
  JpegDecoder jpeg;
};

ImageDecoder::ImageDecoder() : parts_(std::make_unique<Parts>()) {}
ImageDecoder::~ImageDecoder() = default;
ImageDecoder::ImageDecoder(ImageDecoder&&) noexcept = default;
ImageDecoder& ImageDecoder::operator=(ImageDecoder&&) noexcept = default;

ImageInfo ImageDecoder::read_info(Bytes file, std::string_view name) {
  const ImageFormat format = detect_image_format(file, name);
  switch (format) {
  case ImageFormat::jpeg:
    return {format, parts_->jpeg.read_shape(file, name)};
  case ImageFormat::png:
    return {format, read_png_shape(file, name)};
  case ImageFormat::pnm:
    return {format, read_pnm_shape(file, name)};
  }
  return {};
}

void ImageDecoder::decode(Bytes file, std::string_view name, const DecodeOptions& options, Image& image) {
  switch (detect_image_format(file, name)) {
  case ImageFormat::jpeg:
    return parts_->jpeg.decode(file, name, options, image);
  case ImageFormat::png:
    return decode_png(file, name, options, image);
  case ImageFormat::pnm:
    return decode_pnm(file, name, options, image);
  }
}

ImageFormat detect_image_format(Bytes file, std::string_view name) {
  if (file.empty()) fail(name, "the file is empty");
  if (starts(file, "\xff\xd8\xff")) return ImageFormat::jpeg;
  if (starts(file, "\x89PNG\r\n\x1a\n")) return ImageFormat::png;
  if (starts(file, "P2") || starts(file, "P3") || starts(file, "P5") || starts(file, "P6")) return ImageFormat::pnm;
  const std::string_view foreign = foreign_format(file);
  fail(name, (foreign.empty() ? "not an image that can be read" : std::string(foreign) + " file") +
                 ": expected JPEG, PNG, PPM or PGM");
}

void check_image_size(int64_t height, int64_t width, int64_t pixels_per_byte, size_t file_bytes,
                      std::string_view name) {
  const std::string size = format_integer(width) + " x " + format_integer(height) + " pixels";
  if (height < 1 || width < 1) fail(name, "the image has " + size);
  if (height > max_image_pixels / width)
    fail(name, size + ": more than the " + format_integer(max_image_pixels) + " that are read");
  if (height * width / pixels_per_byte > static_cast<int64_t>(file_bytes))
    fail(name, size + ": more than the file can hold: the header is wrong or the file is truncated");
}

} // namespace kiln::runtime
