// PPM and PGM, as text (P2, P3) and as bytes (P5, P6), with a largest value of up to 65535, which becomes 255.
// Of a file of several images the first is read.
#pragma once

#include "runtime/image_decoder.h"

#include <string_view>

namespace kiln::runtime {

ImageShape read_pnm_shape(Bytes file, std::string_view name);
void decode_pnm(Bytes file, std::string_view name, const DecodeOptions& options, Image& image);

} // namespace kiln::runtime
