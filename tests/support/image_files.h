// Images made up for a test, and their bytes as files of every kind that Kiln reads.
// The encoders are the libraries' own, used plainly: what they write is what users' files look like.
#pragma once

#include "runtime/image.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::testing {

// Smooth in both directions, different in each channel and nowhere symmetric; `seed` gives another picture.
runtime::Image gradient_image(const runtime::ImageShape& shape, uint32_t seed = 0);
runtime::Image noise_image(const runtime::ImageShape& shape, uint32_t seed = 0);

struct JpegKind {
  int quality = 95;
  bool subsampled = false; // 4:2:0
  bool progressive = false;
  bool ycck = false;   // of 4 channels: stored as YCCK instead of CMYK
  bool adobe = true;   // of 4 channels: with Adobe's marker
  int orientation = 0; // above 0: an EXIF block that says so
};
// Of 1, 3 or 4 channels; 4 are CMYK as stored.
std::string encode_jpeg(const runtime::Image& image, const JpegKind& kind = {});

struct PngKind {
  int depth = 8; // 16: both bytes are the value
  bool interlaced = false;
  std::vector<uint8_t> palette = {}; // RGB triples: the image's one channel holds indices
  std::vector<uint8_t> palette_alpha = {};
  int see_through_grey = -1; // a tRNS chunk
  int orientation = 0;       // above 0: an eXIf chunk
};
// Of 1 (grey), 2 (grey and alpha), 3 or 4 channels. With a depth below 8 the values are below 2^depth.
std::string encode_png(const runtime::Image& image, const PngKind& kind = {});

// "P2", "P3", "P5" or "P6", by channels and `is_text`; values are scaled to `largest`.
std::string encode_pnm(const runtime::Image& image, bool is_text, int largest = 255);

} // namespace kiln::testing
