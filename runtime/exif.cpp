// The one thing that decoding wants from EXIF: which way is up.
#include "runtime/exif.h"

#include <cstddef>

namespace kiln::runtime {

int read_exif_orientation(std::span<const uint8_t> tiff) {
  constexpr int upright = 1;
  constexpr size_t entry_bytes = 12;
  constexpr uint64_t orientation_tag = 0x0112, type_short = 3;
  if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return upright;
  const bool little = tiff[0] == 'I';
  auto number = [&](size_t at, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value = value << 8 | tiff[at + (little ? bytes - 1 - i : i)];
    return value;
  };
  if (number(2, 2) != 42) return upright;
  const size_t directory = number(4, 4);
  if (directory > tiff.size() - 2) return upright;
  const size_t entries = number(directory, 2);
  for (size_t entry = 0; entry < entries; ++entry) {
    const size_t at = directory + 2 + entry * entry_bytes;
    if (at + entry_bytes > tiff.size()) break;
    if (number(at, 2) != orientation_tag || number(at + 2, 2) != type_short || number(at + 4, 4) != 1) continue;
    const uint64_t orientation = number(at + 8, 2);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : upright;
  }
  return upright;
}

} // namespace kiln::runtime
