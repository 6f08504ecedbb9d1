// Turns an image about its middle and scales it, in one bilinear resampling.
#pragma once

#include "runtime/augment/image_view.h"

namespace kiln::runtime {

// What a point of the image, counted from its middle, is mapped with: first scaled, then turned. A positive angle turns
// what points to the right downwards.
struct Turn {
  float angle = 0; // radians
  float scale_x = 1;
  float scale_y = 1;
};

// `result` has the shape of the image. A pixel is the bilinear mean of the four around the point it comes from, rounded
// to the nearest byte. Float operations in a stated order: the same bytes on every machine.
void rotate_scale_image(const ImageView& image, const Turn& turn, const kiln_outside& outside, uint8_t* result);

} // namespace kiln::runtime
