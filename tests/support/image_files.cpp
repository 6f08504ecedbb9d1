// Images made up for a test, and their bytes as files of every kind that Kiln reads.
#include "tests/support/image_files.h"

#include "runtime/counter_random.h"

#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>
#include <png.h>

namespace kiln::testing {

using runtime::Image;
using runtime::ImageShape;

Image gradient_image(const ImageShape& shape, uint32_t seed) {
  Image image;
  image.resize(shape);
  const auto hash = static_cast<int64_t>(random::draw(seed, 0) % 20);
  for (int64_t y = 0, at = 0; y < shape.height; ++y)
    for (int64_t x = 0; x < shape.width; ++x)
      for (int64_t channel = 0; channel < shape.channels; ++channel, ++at) {
        const int64_t down = y * (100 + 20 * channel) / shape.height;
        const int64_t right = x * (90 - 30 * channel) / shape.width;
        image.pixels[static_cast<size_t>(at)] = static_cast<uint8_t>((down + right + hash + 11 * channel) % 256);
      }
  return image;
}

Image noise_image(const ImageShape& shape, uint32_t seed) {
  Image image;
  image.resize(shape);
  for (size_t at = 0; at < image.pixels.size(); ++at)
    image.pixels[at] = static_cast<uint8_t>(random::draw(seed + uint64_t{1}, at));
  return image;
}

namespace {

std::string exif_block(int orientation, bool is_big_endian) {
  auto number = [&](unsigned value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * (is_big_endian ? bytes - 1 - i : i));
    return text;
  };
  std::string tiff = is_big_endian ? "MM" : "II";
  tiff += number(42, 2) + number(8, 4);
  tiff += number(2, 2);                                                           // entries
  tiff += number(0x0100, 2) + number(3, 2) + number(1, 4) + number(77, 2) + "  "; // the image's width: of no interest
  tiff += number(0x0112, 2) + number(3, 2) + number(1, 4) + number(static_cast<unsigned>(orientation), 2) + "  ";
  return tiff + number(0, 4);
}

} // namespace

std::string encode_jpeg(const Image& image, const JpegKind& kind) {
  jpeg_compress_struct codec{};
  jpeg_error_mgr errors{};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &bytes, &size);
  codec.image_width = static_cast<JDIMENSION>(image.shape.width);
  codec.image_height = static_cast<JDIMENSION>(image.shape.height);
  codec.input_components = static_cast<int>(image.shape.channels);
  codec.in_color_space = image.shape.channels == 1 ? JCS_GRAYSCALE : image.shape.channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&codec);
  if (kind.ycck) jpeg_set_colorspace(&codec, JCS_YCCK);
  codec.write_Adobe_marker = image.shape.channels == 4 && kind.adobe ? TRUE : FALSE;
  jpeg_set_quality(&codec, kind.quality, TRUE);
  codec.comp_info[0].h_samp_factor = codec.comp_info[0].v_samp_factor = kind.subsampled ? 2 : 1;
  if (kind.progressive) jpeg_simple_progression(&codec);
  jpeg_start_compress(&codec, TRUE);
  if (kind.orientation > 0) {
    const std::string block = std::string("Exif\0\0", 6) + exif_block(kind.orientation, kind.orientation % 2 == 0);
    jpeg_write_marker(&codec, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(block.data()),
                      static_cast<unsigned>(block.size()));
  }
  while (codec.next_scanline < codec.image_height) {
    auto* row = const_cast<JSAMPROW>(image.pixels.data()) +
                static_cast<int64_t>(codec.next_scanline) * image.shape.width * image.shape.channels;
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  std::string text(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&codec);
  std::free(bytes);
  return text;
}

std::string encode_png(const Image& image, const PngKind& kind) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  std::string text;
  png_set_write_fn(
      png, &text,
      [](png_structp writer, png_bytep data, png_size_t size) {
        static_cast<std::string*>(png_get_io_ptr(writer))->append(reinterpret_cast<char*>(data), size);
      },
      nullptr);
  constexpr int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA};
  const int type = kind.palette.empty() ? types[image.shape.channels] : PNG_COLOR_TYPE_PALETTE;
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.shape.width), static_cast<png_uint_32>(image.shape.height),
               kind.depth, type, kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!kind.palette.empty())
    png_set_PLTE(png, info, reinterpret_cast<png_const_colorp>(kind.palette.data()),
                 static_cast<int>(kind.palette.size() / 3));
  if (!kind.palette_alpha.empty())
    png_set_tRNS(png, info, kind.palette_alpha.data(), static_cast<int>(kind.palette_alpha.size()), nullptr);
  if (kind.see_through_grey >= 0) {
    png_color_16 see_through{};
    see_through.gray = static_cast<png_uint_16>(kind.see_through_grey);
    png_set_tRNS(png, info, nullptr, 0, &see_through);
  }
  std::string exif;
  if (kind.orientation > 0) {
    exif = exif_block(kind.orientation, true);
    png_set_eXIf_1(png, info, static_cast<png_uint_32>(exif.size()), reinterpret_cast<png_bytep>(exif.data()));
  }
  png_write_info(png, info);
  if (kind.depth < 8) png_set_packing(png);
  const int64_t values = image.shape.width * image.shape.channels;
  std::vector<uint8_t> wide; // the whole image: interlacing writes it several times
  std::vector<png_bytep> rows;
  for (int64_t at = 0; at < image.shape.bytes(); ++at)
    wide.insert(wide.end(), kind.depth == 16 ? 2 : 1, image.pixels[static_cast<size_t>(at)]);
  for (int64_t y = 0; y < image.shape.height; ++y)
    rows.push_back(wide.data() + y * values * (kind.depth == 16 ? 2 : 1));
  png_write_image(png, rows.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return text;
}

std::string encode_pnm(const Image& image, bool is_text, int largest) {
  std::string text = "P" + std::to_string((image.shape.channels == 1 ? 2 : 3) + (is_text ? 0 : 3)) + "\n# a comment\n" +
                     std::to_string(image.shape.width) + " " + std::to_string(image.shape.height) + "\n" +
                     std::to_string(largest) + "\n";
  for (int64_t at = 0; at < image.shape.bytes(); ++at) {
    const int value = image.pixels[static_cast<size_t>(at)] * largest / 255;
    if (is_text) {
      text += std::to_string(value) + (at % 7 == 6 ? "\n" : " ");
    } else {
      if (largest > 255) text += static_cast<char>(value >> 8);
      text += static_cast<char>(value);
    }
  }
  return text;
}

} // namespace kiln::testing
