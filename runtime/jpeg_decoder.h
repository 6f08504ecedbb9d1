// JPEG by libjpeg-turbo: baseline and progressive; grey, YCbCr, RGB, CMYK and YCCK; EXIF orientation; reduced sizes.
// Damaged data are an Error, though libjpeg would paint over them; only harmless oddities are let pass.
#pragma once

#include "runtime/image_decoder.h"

#include <memory>
#include <string_view>
#include <vector>

namespace kiln::runtime {

class JpegDecoder {
public:
  struct State; // libjpeg's, and what its callbacks need

  JpegDecoder();
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  ImageShape read_shape(Bytes file, std::string_view name);
  void decode(Bytes file, std::string_view name, const DecodeOptions& options, Image& image);

private:
  void read_header(Bytes file, std::string_view name);
  [[noreturn]] void fail(std::string_view name, const char* what);

  std::unique_ptr<State> state_;
  std::vector<uint8_t> spare_row_; // that nobody looks at
};

} // namespace kiln::runtime
