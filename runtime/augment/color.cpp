// Changes to the colours of an image, the same for all of its pixels.
#include "runtime/augment/color.h"

#include "runtime/vector_math.h"

#include <algorithm>
#include <cmath>

namespace kiln::runtime {
namespace {

struct Rgb {
  float r, g, b;
};

struct Hsv {
  float h, s, v; // h in turns, from 0 to below 1
};

float clamp(float value) { return value < 0 ? 0 : value > 1 ? 1 : value; }
float from_byte(uint8_t byte) { return static_cast<float>(byte) / 255; }
uint8_t to_byte(float value) { return static_cast<uint8_t>(std::lround(value * 255)); } // of 0 to 1

Rgb load(const uint8_t* pixel) { return {from_byte(pixel[0]), from_byte(pixel[1]), from_byte(pixel[2])}; }

void store(const Rgb& color, uint8_t* pixel) {
  pixel[0] = to_byte(color.r);
  pixel[1] = to_byte(color.g);
  pixel[2] = to_byte(color.b);
}

float grey_of(const Rgb& color) { return 0.299f * color.r + 0.587f * color.g + 0.114f * color.b; }

// factor * x + (1 - factor) * towards
float blend(float factor, float x, float towards) { return clamp(factor * x + (1 - factor) * towards); }
Rgb blend(float factor, const Rgb& x, float towards) {
  return {blend(factor, x.r, towards), blend(factor, x.g, towards), blend(factor, x.b, towards)};
}

Hsv to_hsv(const Rgb& color) {
  const float most = std::max({color.r, color.g, color.b}), least = std::min({color.r, color.g, color.b});
  const float range = most - least;
  if (!(range > 0)) return {0, 0, most};
  float sixths = 0;
  if (most == color.r)
    sixths = (color.g - color.b) / range;
  else if (most == color.g)
    sixths = 2 + (color.b - color.r) / range;
  else
    sixths = 4 + (color.r - color.g) / range;
  return {(sixths < 0 ? sixths + 6 : sixths) / 6, range / most, most};
}

Rgb to_rgb(const Hsv& color) {
  const float sixths = color.h * 6;
  const auto sector = static_cast<int>(sixths);
  const float along = sixths - static_cast<float>(sector);
  const float low = color.v * (1 - color.s);
  const float falling = color.v * (1 - color.s * along), rising = color.v * (1 - color.s * (1 - along));
  switch (sector) {
  case 0:
    return {color.v, rising, low};
  case 1:
    return {falling, color.v, low};
  case 2:
    return {low, color.v, rising};
  case 3:
    return {low, falling, color.v};
  case 4:
    return {rising, low, color.v};
  default:
    return {color.v, low, falling};
  }
}

// Of a sum of two within a turn of [0, 1).
float wrap(float turns) {
  const float wrapped = turns < 0 ? turns + 1 : turns >= 1 ? turns - 1 : turns;
  return wrapped < 1 ? wrapped : 0; // a tiny negative one may round up to 1
}

float bend(const HsvJitter::Curve& curve, float x) {
  const float raised = x > 0 ? (curve.power == 1 ? x : math::exp(curve.power * math::log(x))) : 0;
  return clamp(curve.factor * raised + curve.shift);
}

int64_t pixel_count(const ImageView& image) { return image.shape.height * image.shape.width; }

void jitter_greys(const ImageView& image, const ColorJitter& jitter, uint8_t* result) {
  const int64_t count = image.shape.bytes();
  double sum = 0;
  for (int64_t at = 0; at < count; ++at)
    sum += static_cast<double>(clamp(jitter.brightness * from_byte(image.bytes[at])));
  const auto mean = static_cast<float>(sum / static_cast<double>(count));
  for (int64_t at = 0; at < count; ++at)
    result[at] = to_byte(blend(jitter.contrast, clamp(jitter.brightness * from_byte(image.bytes[at])), mean));
}

} // namespace

void jitter_colors(const ImageView& image, const ColorJitter& jitter, uint8_t* result) {
  if (image.shape.channels != 3) return jitter_greys(image, jitter, result);
  const auto brightened = [&](int64_t pixel) { return blend(jitter.brightness, load(image.bytes + 3 * pixel), 0); };
  double sum = 0;
  for (int64_t pixel = 0; pixel < pixel_count(image); ++pixel) sum += static_cast<double>(grey_of(brightened(pixel)));
  const auto mean = static_cast<float>(sum / static_cast<double>(pixel_count(image)));
  for (int64_t pixel = 0; pixel < pixel_count(image); ++pixel) {
    Rgb color = blend(jitter.contrast, brightened(pixel), mean);
    color = blend(jitter.saturation, color, grey_of(color));
    if (jitter.hue != 0) {
      Hsv hsv = to_hsv(color);
      hsv.h = wrap(hsv.h + jitter.hue);
      color = to_rgb(hsv);
    }
    store(color, result + 3 * pixel);
  }
}

void jitter_hsv(const ImageView& image, const HsvJitter& jitter, uint8_t* result) {
  for (int64_t pixel = 0; pixel < pixel_count(image); ++pixel) {
    const Hsv from = to_hsv(load(image.bytes + 3 * pixel));
    const Hsv to{wrap(from.h + jitter.hue), bend(jitter.saturation, from.s), bend(jitter.value, from.v)};
    store(to_rgb(to), result + 3 * pixel);
  }
}

void add_color(const ImageView& image, const std::array<float, 3>& color, uint8_t* result) {
  for (int64_t i = 0; i < image.shape.bytes(); ++i) {
    const float value = static_cast<float>(image.bytes[i]) + color[static_cast<size_t>(i % 3)];
    result[i] = static_cast<uint8_t>(std::lround(std::clamp(value, 0.0f, 255.0f)));
  }
}

} // namespace kiln::runtime
