// Covers a rectangle of an image.
#pragma once

#include "runtime/augment/image_view.h"

#include <optional>

namespace kiln::runtime {

struct Rectangle {
  int64_t top = 0;
  int64_t left = 0;
  int64_t height = 0;
  int64_t width = 0;
};

// Of this share of an image's area and of this width to height, sides rounded; one that were longer than the image's is
// as long. Where it begins is not said.
Rectangle rectangle_of(const ImageShape& shape, float area, float aspect);

// Puts the fill values into the rectangle, or bytes of noise, element i of the image's from draw i of the key.
void erase(const ImageView& image, const Rectangle& part, const kiln_outside& fill, std::optional<uint64_t> noise_key,
           uint8_t* result);

} // namespace kiln::runtime
