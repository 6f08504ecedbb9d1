// JPEG, PNG, PPM and PGM: every kind decodes to the pixels that went in, and no damage does worse than an Error.
#include "runtime/image_decoder.h"

#include "runtime/error.h"
#include "tests/support/image_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

using kiln::testing::encode_jpeg;
using kiln::testing::encode_png;
using kiln::testing::encode_pnm;
using kiln::testing::gradient_image;
using kiln::testing::JpegKind;
using kiln::testing::noise_image;
using kiln::testing::PngKind;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Bytes bytes_of(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

Image decode(const std::string& file, const DecodeOptions& options = {}) {
  ImageDecoder decoder;
  Image image;
  decoder.decode(bytes_of(file), "a.img", options, image);
  image.pixels.resize(static_cast<size_t>(image.shape.bytes()));
  return image;
}

std::string problem_of(const std::string& file) {
  try {
    decode(file);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::data);
    EXPECT_THAT(error.message, StartsWith("a.img: "));
    return error.message;
  }
  return "nothing was thrown";
}

int worst_difference(const Image& a, const Image& b) {
  EXPECT_EQ(a.shape, b.shape);
  int worst = 0;
  for (int64_t at = 0; at < a.shape.bytes(); ++at)
    worst = std::max(worst, std::abs(a.pixels[static_cast<size_t>(at)] - b.pixels[static_cast<size_t>(at)]));
  return worst;
}

uint8_t grey_of(const uint8_t* rgb) {
  return static_cast<uint8_t>((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
}

TEST(JpegDecoder, GivesThePixelsThatWentIn) {
  for (bool progressive : {false, true})
    for (bool subsampled : {false, true}) {
      Image image = gradient_image({21, 37, 3});
      EXPECT_LE(
          worst_difference(decode(encode_jpeg(image, {.subsampled = subsampled, .progressive = progressive})), image),
          subsampled ? 6 : 4);
    }
}

TEST(JpegDecoder, TurnsGreyIntoColourAndBack) {
  Image grey = gradient_image({16, 24, 1});
  Image colour = decode(encode_jpeg(grey), {.channels = 3});
  ASSERT_EQ(colour.shape, (ImageShape{16, 24, 3}));
  for (size_t at = 0; at < 16 * 24; ++at) {
    EXPECT_NEAR(colour.pixels[3 * at], grey.pixels[at], 3);
    EXPECT_EQ(colour.pixels[3 * at], colour.pixels[3 * at + 2]);
  }
  Image original = gradient_image({16, 24, 3});
  Image luma = decode(encode_jpeg(original), {.channels = 1});
  ASSERT_EQ(luma.shape, (ImageShape{16, 24, 1}));
  for (size_t at = 0; at < 16 * 24; ++at) EXPECT_NEAR(luma.pixels[at], grey_of(&original.pixels[3 * at]), 3);
}

TEST(JpegDecoder, ConvertsCmyk) {
  // Constant colours: cyan, magenta, yellow, black as a file without Adobe's marker holds them (255: full ink).
  for (bool adobe : {false, true})
    for (bool ycck : {false, true}) {
      if (ycck && !adobe) continue; // told apart by the marker
      Image image;
      image.resize({16, 16, 4});
      const uint8_t ink[4] = {200, 100, 0, 50};
      for (size_t at = 0; at < image.pixels.size(); ++at)
        image.pixels[at] = adobe ? static_cast<uint8_t>(255 - ink[at % 4]) : ink[at % 4];
      Image rgb = decode(encode_jpeg(image, {.ycck = ycck, .adobe = adobe}));
      ASSERT_EQ(rgb.shape, (ImageShape{16, 16, 3}));
      for (size_t at = 0; at < 3; ++at)
        EXPECT_NEAR(rgb.pixels[at], (255 - ink[at]) * (255 - ink[3]) / 255, 4) << "adobe " << adobe << " ycck " << ycck;
    }
}

// The stored picture of each orientation, such that upright it is always the same: 8 x 16 blocks of four greys.
//   upright:   40 90
//              140 190
TEST(JpegDecoder, AppliesTheExifOrientation) {
  const int stored[9][4] = {{},
                            {40, 90, 140, 190},  // 1: as it is
                            {90, 40, 190, 140},  // 2: mirrored
                            {190, 140, 90, 40},  // 3: upside down
                            {140, 190, 40, 90},  // 4: upside down and mirrored
                            {40, 140, 90, 190},  // 5: transposed
                            {90, 190, 40, 140},  // 6: to be turned clockwise
                            {190, 90, 140, 40},  // 7: transposed across the other diagonal
                            {140, 40, 190, 90}}; // 8: to be turned counterclockwise
  for (int orientation = 1; orientation <= 8; ++orientation) {
    Image image;
    image.resize(orientation < 5 ? ImageShape{16, 32, 1} : ImageShape{32, 16, 1});
    for (int64_t y = 0; y < image.shape.height; ++y)
      for (int64_t x = 0; x < image.shape.width; ++x)
        image.pixels[static_cast<size_t>(y * image.shape.width + x)] =
            static_cast<uint8_t>(stored[orientation][(2 * y / image.shape.height) * 2 + 2 * x / image.shape.width]);
    for (const std::string& file : {encode_jpeg(image, {.quality = 100, .orientation = orientation}),
                                    encode_png(image, {.orientation = orientation})}) {
      Image upright = decode(file, {.channels = 1});
      ASSERT_EQ(upright.shape, (ImageShape{16, 32, 1})) << orientation;
      EXPECT_NEAR(upright.pixels[0], 40, 2) << orientation;
      EXPECT_NEAR(upright.pixels[31], 90, 2) << orientation;
      EXPECT_NEAR(upright.pixels[15 * 32], 140, 2) << orientation;
      EXPECT_NEAR(upright.pixels[15 * 32 + 31], 190, 2) << orientation;
    }
  }
}

TEST(JpegDecoder, DecodesLargeImagesAtAReducedSize) {
  Image image = gradient_image({200, 320, 3});
  const std::string file = encode_jpeg(image);
  auto shape_for = [&](const FitRule& rule) {
    const Image decoded = decode(file, {.fit = &rule});
    return ImageShape{decoded.whole_height, decoded.whole_width, decoded.shape.channels};
  };
  EXPECT_EQ(shape_for({.target = {32, 32, 3}}), (ImageShape{50, 80, 3}));
  EXPECT_EQ(shape_for({.target = {25, 25, 3}}), (ImageShape{25, 40, 3}));
  EXPECT_EQ(shape_for({.target = {32, 32, 3}, .shorter_side = 100}), (ImageShape{100, 160, 3}));
  EXPECT_EQ(shape_for({.target = {32, 32, 3}, .shorter_side = 101}), (ImageShape{200, 320, 3}));
  EXPECT_EQ(shape_for({.kind = FitKind::crop, .target = {8, 8, 3}}), (ImageShape{200, 320, 3}))
      << "a crop is not scaled";
  // Reduced and then resampled is the picture that resampling alone gives.
  FitRule rule{.kind = FitKind::exact, .target = {40, 64, 3}};
  Image reduced, whole;
  reduced.resize(rule.target);
  whole.resize(rule.target);
  ImageFitter().fit(rule, decode(file, {.fit = &rule}), reduced.pixels.data());
  ImageFitter().fit(rule, image, whole.pixels.data());
  EXPECT_LE(worst_difference(reduced, whole), 4);
}

// Colours at half resolution make a pixel depend on its neighbours, also across what is decoded at once.
TEST(JpegDecoder, LeavesOutWhatTheResultDoesNotShow) {
  for (const ImageShape& shape : {ImageShape{300, 200, 3}, ImageShape{150, 333, 3}, ImageShape{230, 239, 1}})
    for (bool subsampled : {false, true})
      for (bool progressive : {false, true}) {
        const std::string file =
            encode_jpeg(noise_image(shape), {.subsampled = subsampled, .progressive = progressive});
        const Image whole = decode(file);
        for (const FitRule& rule :
             {FitRule{.kind = FitKind::crop, .target = {40, 50, 3}}, FitRule{.target = {120, 120, 3}},
              FitRule{.target = {111, 60, 3}, .shorter_side = 140}}) {
          const Image part = decode(file, {.fit = &rule});
          ASSERT_EQ(part.whole_height, shape.height);
          const bool is_small = rule.kind == FitKind::crop; // the others show most of the image
          EXPECT_LE(part.shape.bytes(), 3 * shape.height * shape.width / (is_small ? 2 : 1));
          Image from_part, from_whole;
          from_part.resize(rule.target);
          from_whole.resize(rule.target);
          ImageFitter().fit(rule, part, from_part.pixels.data());
          ImageFitter().fit(rule, whole, from_whole.pixels.data());
          EXPECT_EQ(worst_difference(from_part, from_whole), 0)
              << shape.height << "x" << shape.width << (subsampled ? " subsampled" : "");
        }
        const FitRule rule{.kind = FitKind::crop, .target = {40, 50, 3}};
        EXPECT_THROW(decode(file.substr(0, file.size() - 30), {.fit = &rule}), Error) << "damage that is not shown";
      }
}

TEST(PngDecoder, ReadsEveryDepthOfGrey) {
  for (int depth : {1, 2, 4, 8, 16})
    for (bool interlaced : {false, true}) {
      Image image = noise_image({9, 13, 1});
      const int largest = depth < 8 ? (1 << depth) - 1 : 255;
      for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(value & largest);
      Image decoded = decode(encode_png(image, {.depth = depth, .interlaced = interlaced}), {.channels = 1});
      for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(value * 255 / largest);
      EXPECT_EQ(worst_difference(decoded, image), 0) << depth;
    }
}

TEST(PngDecoder, ReadsColourAndConverts) {
  for (int depth : {8, 16})
    for (bool interlaced : {false, true}) {
      Image image = noise_image({9, 13, 3});
      const std::string file = encode_png(image, {.depth = depth, .interlaced = interlaced});
      EXPECT_EQ(worst_difference(decode(file), image), 0);
      Image grey = decode(file, {.channels = 1});
      ASSERT_EQ(grey.shape, (ImageShape{9, 13, 1}));
      for (size_t at = 0; at < 9 * 13; ++at) EXPECT_EQ(grey.pixels[at], grey_of(&image.pixels[3 * at]));
    }
  Image grey = noise_image({9, 13, 1});
  Image colour = decode(encode_png(grey));
  for (size_t at = 0; at < 3 * 9 * 13; ++at) EXPECT_EQ(colour.pixels[at], grey.pixels[at / 3]);
}

TEST(PngDecoder, LooksPalettesUp) {
  Image indices;
  indices.resize({1, 4, 1});
  indices.pixels = {2, 0, 1, 2};
  const std::vector<uint8_t> palette = {255, 0, 0, 0, 255, 0, 10, 20, 30};
  EXPECT_EQ(decode(encode_png(indices, {.palette = palette})).pixels,
            (std::vector<uint8_t>{10, 20, 30, 255, 0, 0, 0, 255, 0, 10, 20, 30}));
  EXPECT_EQ(decode(encode_png(indices, {.depth = 2, .palette = palette})).pixels,
            (std::vector<uint8_t>{10, 20, 30, 255, 0, 0, 0, 255, 0, 10, 20, 30}));
  // The first colour is half see-through, before white: 128 of it and 127 of 255.
  EXPECT_EQ(decode(encode_png(indices, {.palette = palette, .palette_alpha = {128}})).pixels,
            (std::vector<uint8_t>{10, 20, 30, 255, 127, 127, 0, 255, 0, 10, 20, 30}));
}

TEST(PngDecoder, ShowsTheBackgroundThroughWhatIsSeeThrough) {
  Image image;
  image.resize({1, 3, 4});
  image.pixels = {200, 100, 50, 255, 200, 100, 50, 0, 200, 100, 50, 51};
  // A fifth of the colour, four fifths of the background.
  EXPECT_EQ(decode(encode_png(image), {.background = {10, 20, 255}}).pixels,
            (std::vector<uint8_t>{200, 100, 50, 10, 20, 255, 48, 36, 214}));
  image.resize({1, 3, 2});
  image.pixels = {200, 255, 200, 0, 100, 51};
  EXPECT_EQ(decode(encode_png(image), {.channels = 1}).pixels, (std::vector<uint8_t>{200, 255, 224}));
  image.resize({1, 3, 1});
  image.pixels = {200, 7, 100};
  EXPECT_EQ(decode(encode_png(image, {.see_through_grey = 7}), {.channels = 1, .background = {1, 1, 1}}).pixels,
            (std::vector<uint8_t>{200, 1, 100}));
}

TEST(PnmDecoder, ReadsEveryKind) {
  for (int64_t channels : {1, 3})
    for (bool is_text : {false, true})
      for (int largest : {255, 65535, 100, 1}) {
        Image image = noise_image({5, 6, channels});
        Image decoded = decode(encode_pnm(image, is_text, largest), {.channels = channels});
        // What is left of a value when only `largest` + 1 of them are told apart.
        for (uint8_t& value : image.pixels) {
          const int kept = value * largest / 255;
          value = static_cast<uint8_t>((2 * 255 * kept + largest) / (2 * largest));
        }
        EXPECT_EQ(worst_difference(decoded, image), 0) << channels << is_text << largest;
      }
  EXPECT_EQ(decode("P5 #x\n1#y\n1 255\n\x07").pixels, (std::vector<uint8_t>{7, 7, 7}));
  EXPECT_THAT(problem_of("P5 1 1 0 x"), HasSubstr("the largest value is 0: expected 1 to 65535"));
  EXPECT_THAT(problem_of("P5 1 1 65536 x"), HasSubstr("65536"));
  EXPECT_THAT(problem_of("P5 2 2 255 abc"), HasSubstr("truncated: expected 4 bytes of pixels, got 3"));
  EXPECT_THAT(problem_of("P2 2 1 9 3 10"), HasSubstr("a pixel of 10: the largest value is 9"));
  EXPECT_THAT(problem_of("P2 2 1 9 3"), HasSubstr("truncated"));
  EXPECT_THAT(problem_of("P2 2 1 9 3 x"), HasSubstr("the pixel is no number"));
  EXPECT_THAT(problem_of("P6 99999999999 1 255 "), HasSubstr("the width is out of range"));
}

TEST(ImageDecoder, SaysWhatAFileIsInstead) {
  EXPECT_EQ(problem_of(""), "a.img: the file is empty");
  EXPECT_EQ(problem_of("hello"), "a.img: not an image that can be read: expected JPEG, PNG, PPM or PGM");
  EXPECT_EQ(problem_of("GIF89a...."), "a.img: a GIF file: expected JPEG, PNG, PPM or PGM");
  EXPECT_THAT(problem_of("RIFF1234WEBPVP8 "), HasSubstr("a WebP file"));
  EXPECT_THAT(problem_of("<!DOCTYPE html>"), HasSubstr("an HTML or XML file"));
}

TEST(ImageDecoder, ReadsShapesFromHeaders) {
  ImageDecoder decoder;
  auto shape_of = [&](const std::string& file) { return decoder.read_info(bytes_of(file), "a").shape; };
  EXPECT_EQ(shape_of(encode_jpeg(noise_image({5, 6, 1}))), (ImageShape{5, 6, 1}));
  EXPECT_EQ(shape_of(encode_jpeg(noise_image({5, 6, 4}))), (ImageShape{5, 6, 3}));
  EXPECT_EQ(shape_of(encode_png(noise_image({5, 6, 4}))), (ImageShape{5, 6, 3}));
  EXPECT_EQ(shape_of(encode_png(noise_image({5, 6, 2}))), (ImageShape{5, 6, 1}));
  EXPECT_EQ(shape_of(encode_pnm(noise_image({5, 6, 3}), false)), (ImageShape{5, 6, 3}));
}

std::string with_size(std::string file, size_t at, size_t bytes, uint64_t size) {
  for (size_t i = 0; i < bytes; ++i) file[at + i] = static_cast<char>(size >> 8 * (bytes - 1 - i));
  return file;
}

TEST(ImageDecoder, DoesNotBelieveAbsurdSizes) {
  std::string jpeg = encode_jpeg(noise_image({8, 8, 3}));
  const size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  std::string wide = with_size(with_size(jpeg, frame + 5, 2, 10000), frame + 7, 2, 10000);
  EXPECT_THAT(problem_of(wide), HasSubstr("10000 x 10000 pixels: more than the file can hold"));
  EXPECT_THAT(problem_of(with_size(with_size(jpeg, frame + 5, 2, 65000), frame + 7, 2, 65000)),
              HasSubstr("65000 x 65000 pixels: more than the 134217728 that are read"));
  EXPECT_THAT(problem_of("P5 100000 100000 255 "), HasSubstr("100000 x 100000"));
  EXPECT_THAT(problem_of("P5 10000 10000 255 "), HasSubstr("more than the file can hold"));
}

std::vector<std::string> small_files() {
  Image colour = gradient_image({11, 10, 3}), grey = gradient_image({7, 9, 1});
  return {encode_jpeg(colour, {.subsampled = true}),
          encode_jpeg(grey, {.progressive = true, .orientation = 6}),
          encode_png(colour),
          encode_png(noise_image({5, 4, 4}), {.depth = 16, .interlaced = true}),
          encode_pnm(colour, false, 65535),
          encode_pnm(grey, true)};
}

TEST(ImageDecoder, EveryTruncationIsAnError) {
  for (const std::string& file : small_files()) {
    ASSERT_NO_THROW(decode(file));
    // A text PGM may lose its last blank, and even digits of its last number.
    const size_t most = file[0] == 'P' && file[1] == '2' ? file.size() - 4 : file.size();
    for (size_t size = 0; size < most; ++size)
      EXPECT_NE(problem_of(file.substr(0, size)), "nothing was thrown") << size << " of " << file.size() << " bytes";
  }
}

TEST(ImageDecoder, NoFlippedBitDoesWorseThanAnError) {
  ImageDecoder decoder; // one, so that what an error leaves behind meets the next image
  Image image;
  for (const std::string& file : small_files()) {
    const Image whole = decode(file);
    for (size_t bit = 0; bit<8 * file.size(); bit += file.size()> 500 ? 3 : 1) {
      std::string damaged = file;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      try {
        decoder.decode(bytes_of(damaged), "a.img", {}, image);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind, ErrorKind::data);
        EXPECT_THAT(error.message, StartsWith("a.img: "));
      }
    }
    decoder.decode(bytes_of(file), "a.img", {}, image);
    EXPECT_EQ(worst_difference(image, whole), 0);
  }
}

} // namespace
} // namespace kiln::runtime
