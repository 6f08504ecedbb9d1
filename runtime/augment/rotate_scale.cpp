// Turns an image about its middle and scales it, in one bilinear resampling.
#include "runtime/augment/rotate_scale.h"

#include "runtime/vector_math.h"

namespace kiln::runtime {
namespace {

// The value of a channel at a point of whole coordinates that may lie outside.
float value_at(const ImageView& image, int64_t row, int64_t column, int64_t channel, const kiln_outside& outside) {
  const int64_t y = index_inside(row, image.shape.height, outside.border);
  const int64_t x = index_inside(column, image.shape.width, outside.border);
  return static_cast<float>(y < 0 || x < 0 ? fill_value(outside, channel) : image.pixel(y, x)[channel]);
}

int64_t floor_of(float x) {
  const auto towards_zero = static_cast<int64_t>(x);
  return towards_zero - (static_cast<float>(towards_zero) > x ? 1 : 0);
}

uint8_t blend(float upper_left, float upper_right, float lower_left, float lower_right, float x, float y) {
  const float upper = upper_left + (upper_right - upper_left) * x;
  const float lower = lower_left + (lower_right - lower_left) * x;
  return static_cast<uint8_t>(floor_of(upper + (lower - upper) * y + 0.5f)); // to the nearest
}

} // namespace

void rotate_scale_image(const ImageView& image, const Turn& turn, const kiln_outside& outside, uint8_t* result) {
  const auto [height, width, channels] = image.shape;
  const float cosine = math::cos(turn.angle), sine = math::sin(turn.angle);
  // Backwards: turned the other way, then divided.
  const float x_of_column = cosine / turn.scale_x, x_of_row = sine / turn.scale_x;
  const float y_of_column = -sine / turn.scale_y, y_of_row = cosine / turn.scale_y;
  const float middle_x = static_cast<float>(width - 1) * 0.5f, middle_y = static_cast<float>(height - 1) * 0.5f;
  for (int64_t row = 0; row < height; ++row) {
    const float down = static_cast<float>(row) - middle_y;
    for (int64_t column = 0; column < width; ++column) {
      const float right = static_cast<float>(column) - middle_x;
      const float x = x_of_column * right + x_of_row * down + middle_x;
      const float y = y_of_column * right + y_of_row * down + middle_y;
      const int64_t left = floor_of(x), top = floor_of(y);
      const float share_x = x - static_cast<float>(left), share_y = y - static_cast<float>(top);
      if (left >= 0 && top >= 0 && left + 1 < width && top + 1 < height) {
        const uint8_t* upper = image.pixel(top, left);
        const uint8_t* lower = image.pixel(top + 1, left);
        for (int64_t channel = 0; channel < channels; ++channel)
          *result++ = blend(upper[channel], upper[channels + channel], lower[channel], lower[channels + channel],
                            share_x, share_y);
      } else {
        for (int64_t channel = 0; channel < channels; ++channel)
          *result++ =
              blend(value_at(image, top, left, channel, outside), value_at(image, top, left + 1, channel, outside),
                    value_at(image, top + 1, left, channel, outside),
                    value_at(image, top + 1, left + 1, channel, outside), share_x, share_y);
      }
    }
  }
}

} // namespace kiln::runtime
