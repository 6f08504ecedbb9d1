// An image as the stages of augmentation see it, and what lies outside of it.
#pragma once

#include "runtime/abi.h"
#include "runtime/image.h"

#include <cstdint>

namespace kiln::runtime {

// Bytes, row-major over height, width, channels.
struct ImageView {
  const uint8_t* bytes;
  ImageShape shape;

  const uint8_t* pixel(int64_t row, int64_t column) const {
    return bytes + (row * shape.width + column) * shape.channels;
  }
};

// The row (or column) of [0, count) whose pixels stand at `index`; -1 where the fill value does.
inline int64_t index_inside(int64_t index, int64_t count, kiln_border border) {
  if (index >= 0 && index < count) return index;
  switch (border) {
  case KILN_BORDER_FILL:
    break;
  case KILN_BORDER_REFLECT: {
    if (count == 1) return 0;
    const int64_t period = 2 * (count - 1);
    const int64_t place = (index % period + period) % period;
    return place < count ? place : period - place;
  }
  case KILN_BORDER_EDGE:
    return index < 0 ? 0 : count - 1;
  }
  return -1;
}

inline uint8_t fill_value(const kiln_outside& outside, int64_t channel) {
  return outside.fill_count == 0 ? 0 : outside.fill[outside.fill_count == 1 ? 0 : channel];
}

} // namespace kiln::runtime
