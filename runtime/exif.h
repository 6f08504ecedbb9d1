// The one thing that decoding wants from EXIF: which way is up.
#pragma once

#include <cstdint>
#include <span>

namespace kiln::runtime {

// Of a TIFF block as EXIF holds it ("II*\0" or "MM\0*" first): the orientation, 1 to 8; 1 (upright) if there is none or
// the block is damaged.
int read_exif_orientation(std::span<const uint8_t> tiff);

} // namespace kiln::runtime
