// The two inner loops of resampling, in whole numbers: the same bits from scalars and from vectors of any length.
// A weight is a multiple of 2^-14, a value between the two loops one of 2^-7.
#pragma once

#include <cstdint>
#include <span>

namespace kiln::runtime {

inline constexpr int resample_weight_bits = 14;
inline constexpr int resample_line_bits = 7;

// What each pixel of a row of the result is made of: an even number of pixels of the line, the same for each. Pixels
// have 1 or 3 channels.
struct ResampleColumns {
  std::span<const int64_t> firsts; // positions in the line
  const int16_t* weights;          // of the first pixel, of the second ...
  int64_t count;                   // of each
};

struct ResampleRows {
  // line[at] = (weights[0] * rows[at] + weights[1] * rows[row_bytes + at] + ... ) rounded to multiples of 2^-7.
  void (*weigh_rows)(const uint8_t* rows, int64_t row_bytes, std::span<const int16_t> weights, int64_t width,
                     int16_t* line);
  // out[3 * pixel + channel]: the sum over the pixel's columns, rounded. Reads up to 8 values of the line behind a
  // pixel's own, and writes one beyond the last.
  void (*weigh_colours)(const ResampleColumns& columns, const int16_t* line, uint8_t* out);
};

// The fastest that this CPU has.
ResampleRows choose_resample_rows();
// Without vectors: what the others must agree with.
ResampleRows scalar_resample_rows();

void weigh_greys(const ResampleColumns& columns, const int16_t* line, uint8_t* out);

} // namespace kiln::runtime
