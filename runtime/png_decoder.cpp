// PNG by libpng: every colour type and depth, interlaced or not; 16 bits are rounded to 8.
// See-through pixels show a stated background; colour profiles and gamma are not applied.
//
// As with libjpeg, each call into the library stands in a function without objects that have destructors.
#include "runtime/png_decoder.h"

#include "runtime/error.h"
#include "runtime/exif.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <png.h>

namespace kiln::runtime {
namespace {

// deflate shrinks to 1/1032 at best; a byte of it holds 8 pixels of one bit.
constexpr int64_t pixels_per_byte = 1040 * 8;
constexpr png_alloc_size_t max_chunk_bytes = png_alloc_size_t{1} << 23;

struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const uint8_t* data = nullptr;
  size_t bytes = 0;
  size_t position = 0;
  std::jmp_buf escape{};
  char message[128] = {};

  explicit Reader(Bytes file) : data(file.data()), bytes(file.size()) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (png) png_destroy_read_struct(&png, &info, nullptr);
  }
};

[[noreturn]] void leave(png_structp png, png_const_charp message) {
  auto* reader = static_cast<Reader*>(png_get_error_ptr(png));
  std::snprintf(reader->message, sizeof reader->message, "%s", message);
  std::longjmp(reader->escape, 1);
}

// Oddities of chunks that pixels do not depend on.
void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep out, size_t bytes) {
  auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (bytes > reader->bytes - reader->position) leave(png, "the file ends early: it is truncated");
  memcpy(out, reader->data + reader->position, bytes);
  reader->position += bytes;
}

bool read_header(Reader& reader) {
  if (setjmp(reader.escape) != 0) return false;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, leave, on_warning);
  if (!reader.png) return false;
  reader.info = png_create_info_struct(reader.png);
  if (!reader.info) return false;
  png_set_read_fn(reader.png, &reader, read_bytes);
  png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff); // check_image_size is stricter
  png_set_chunk_malloc_max(reader.png, max_chunk_bytes);
  png_set_chunk_cache_max(reader.png, 128);
  png_read_info(reader.png, reader.info);
  return true;
}

bool prepare(Reader& reader) {
  if (setjmp(reader.escape) != 0) return false;
  png_set_expand(reader.png); // palettes to colours, less than 8 bits to 8, a see-through colour to alpha
  png_set_scale_16(reader.png);
  png_set_interlace_handling(reader.png);
  const bool has_alpha = (png_get_color_type(reader.png, reader.info) & PNG_COLOR_MASK_ALPHA) != 0 ||
                         png_get_valid(reader.png, reader.info, PNG_INFO_tRNS) != 0;
  if (has_alpha) png_set_gray_to_rgb(reader.png); // the background may have a colour
  png_read_update_info(reader.png, reader.info);
  return true;
}

bool read_image(Reader& reader, png_bytepp rows) {
  if (setjmp(reader.escape) != 0) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, reader.info);
  return true;
}

int orientation_of(Reader& reader) {
  png_bytep exif = nullptr;
  png_uint_32 bytes = 0;
  if (png_get_eXIf_1(reader.png, reader.info, &bytes, &exif) == 0) return 1;
  return read_exif_orientation({exif, bytes});
}

void show_background(Image& image, const std::array<uint8_t, 3>& background) {
  const auto pixels = static_cast<size_t>(image.shape.height * image.shape.width);
  for (size_t at = 0; at < pixels; ++at) {
    const uint8_t* from = &image.pixels[4 * at];
    const unsigned alpha = from[3];
    for (size_t channel = 0; channel < 3; ++channel)
      image.pixels[3 * at + channel] =
          static_cast<uint8_t>((alpha * from[channel] + (255 - alpha) * background[channel] + 127) / 255);
  }
  image.shape.channels = 3;
}

[[noreturn]] void fail(const Reader& reader, std::string_view name) {
  throw Error(ErrorKind::data, std::string(name) + ": damaged PNG: " + reader.message);
}

void open(Reader& reader, std::string_view name) {
  if (!read_header(reader)) fail(reader, name);
  check_image_size(png_get_image_height(reader.png, reader.info), png_get_image_width(reader.png, reader.info),
                   pixels_per_byte, reader.bytes, name);
}

} // namespace

ImageShape read_png_shape(Bytes file, std::string_view name) {
  Reader reader(file);
  open(reader, name);
  const bool is_colour = (png_get_color_type(reader.png, reader.info) & PNG_COLOR_MASK_COLOR) != 0;
  return {png_get_image_height(reader.png, reader.info), png_get_image_width(reader.png, reader.info),
          is_colour ? 3 : 1};
}

void decode_png(Bytes file, std::string_view name, const DecodeOptions& options, Image& image) {
  Reader reader(file);
  open(reader, name);
  if (!prepare(reader)) fail(reader, name);
  image.resize({png_get_image_height(reader.png, reader.info), png_get_image_width(reader.png, reader.info),
                png_get_channels(reader.png, reader.info)});
  std::vector<png_bytep> rows(static_cast<size_t>(image.shape.height));
  for (size_t row = 0; row < rows.size(); ++row)
    rows[row] = image.pixels.data() + row * static_cast<size_t>(image.shape.width * image.shape.channels);
  if (!read_image(reader, rows.data())) fail(reader, name);
  if (image.shape.channels == 4) show_background(image, options.background);
  convert_channels(image, options.channels);
  apply_orientation(image, orientation_of(reader));
}

} // namespace kiln::runtime
