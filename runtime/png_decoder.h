// PNG by libpng: every colour type and depth, interlaced or not; 16 bits are rounded to 8.
// See-through pixels show a stated background; colour profiles and gamma are not applied.
#pragma once

#include "runtime/image_decoder.h"

#include <string_view>

namespace kiln::runtime {

ImageShape read_png_shape(Bytes file, std::string_view name);
void decode_png(Bytes file, std::string_view name, const DecodeOptions& options, Image& image);

} // namespace kiln::runtime
