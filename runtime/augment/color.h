// Changes to the colours of an image, the same for all of its pixels. Values count from 0 to 1; each is rounded once,
// at the end. Float operations in a stated order: the same bytes on every machine.
#pragma once

#include "runtime/augment/image_view.h"

#include <array>

namespace kiln::runtime {

// In this order, clamped to 0 ... 1 after each:
//   brightness: b x
//   contrast:   c x + (1 - c) m, m the mean over all pixels of grey = 0.299 R + 0.587 G + 0.114 B
//   saturation: s x + (1 - s) grey of the pixel
//   hue:        h + hue, in turns, wrapping
struct ColorJitter {
  float brightness = 1;
  float contrast = 1;
  float saturation = 1;
  float hue = 0;
};

// Of a grey image brightness and contrast alone change anything.
void jitter_colors(const ImageView& image, const ColorJitter& jitter, uint8_t* result);

// S and V become factor * x^power + shift, clamped to 0 ... 1, H becomes H + hue, wrapping. An image of 3 channels.
struct HsvJitter {
  struct Curve {
    float power = 1;
    float factor = 1;
    float shift = 0;
  };
  Curve saturation, value;
  float hue = 0; // in turns
};

void jitter_hsv(const ImageView& image, const HsvJitter& jitter, uint8_t* result);

// Adds to red, green and blue of every pixel, in grey levels, rounded and clamped. An image of 3 channels.
void add_color(const ImageView& image, const std::array<float, 3>& color, uint8_t* result);

} // namespace kiln::runtime
