// How images of any size become images of one size: rules, and the resampling that they share.
// Same bits on every machine: float products and sums in a stated order, never contracted.
#include "runtime/fit_image.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

namespace kiln::runtime {
namespace {

// a * b / c, rounded to nearest, at least 1.
int64_t scale_length(int64_t a, int64_t b, int64_t c) { return std::max<int64_t>((2 * a * b + c) / (2 * c), 1); }

FitAxis centred(int64_t source, int64_t scaled, int64_t target) {
  if (scaled >= target) return {source, scaled, (scaled - target) / 2, target, 0};
  return {source, scaled, 0, scaled, (target - scaled) / 2};
}

// Clamped as a whole number: of floats no compiler makes vectors here, for fear of their exceptions.
uint8_t to_byte(float value) {
  value += 0.5f;
  const auto whole = static_cast<int32_t>(value);
  return static_cast<uint8_t>(whole < 0 ? 0 : whole > 255 ? 255 : whole);
}

// Four floats at once, as GCC and Clang have them for any CPU.
using Lanes = float __attribute__((vector_size(16)));

Lanes load(const float* from) {
  Lanes lanes;
  memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

// line[at] (+)= weights[0] * rows[at] + weights[1] * rows[row_bytes + at] + ..., from left to right. Of a known count,
// so that sums stay in registers.
template <int count>
void add_rows(const uint8_t* rows, int64_t row_bytes, const float* weights, bool is_first, size_t width, float* line) {
  for (size_t at = 0; at < width; ++at) {
    float sum = is_first ? 0 : line[at];
    for (int row = 0; row < count; ++row) sum += weights[row] * static_cast<float>(rows[row * row_bytes + at]);
    line[at] = sum;
  }
}

void weigh_rows(const uint8_t* rows, int64_t row_bytes, std::span<const float> weights, size_t width, float* line) {
  constexpr size_t most = 4;
  for (size_t done = 0; done < weights.size(); done += most) {
    const uint8_t* from = rows + static_cast<int64_t>(done) * row_bytes;
    const float* with = &weights[done];
    switch (std::min(weights.size() - done, most)) {
    case 1:
      add_rows<1>(from, row_bytes, with, done == 0, width, line);
      break;
    case 2:
      add_rows<2>(from, row_bytes, with, done == 0, width, line);
      break;
    case 3:
      add_rows<3>(from, row_bytes, with, done == 0, width, line);
      break;
    default:
      add_rows<most>(from, row_bytes, with, done == 0, width, line);
    }
  }
}

// What each pixel of a row of the result is made of: as many pixels of the line for each, so that no branch depends on
// the pixel.
struct Columns {
  std::span<const int64_t> firsts; // positions in the line
  const float* weights;            // of the first pixel, of the second ...
  int64_t count;                   // of each
};

// `known`: the count, where loops are to be unrolled; else 0. Writes one value beyond the pixels.
template <int known> void weigh_colours(const Columns& columns, const float* line, float* sums) {
  const int64_t count = known > 0 ? known : columns.count;
  const float* weights = columns.weights;
  for (int64_t first : columns.firsts) {
    Lanes sum{}; // the fourth is overwritten by the next pixel
    for (int64_t tap = 0; tap < count; ++tap) sum += weights[tap] * load(line + first + 3 * tap);
    memcpy(sums, &sum, sizeof sum);
    weights += count;
    sums += 3;
  }
}

void weigh_greys(const Columns& columns, const float* line, float* sums) {
  const float* weights = columns.weights;
  for (int64_t first : columns.firsts) {
    float sum = 0;
    for (int64_t tap = 0; tap < columns.count; ++tap) sum += weights[tap] * line[first + tap];
    weights += columns.count;
    *sums++ = sum;
  }
}

void weigh_columns(const Columns& columns, int64_t channels, const float* line, float* sums) {
  if (channels == 1) return weigh_greys(columns, line, sums);
  switch (columns.count) {
  case 2:
    return weigh_colours<2>(columns, line, sums);
  case 3:
    return weigh_colours<3>(columns, line, sums);
  case 4:
    return weigh_colours<4>(columns, line, sums);
  case 5:
    return weigh_colours<5>(columns, line, sums);
  default:
    return weigh_colours<0>(columns, line, sums);
  }
}

void round_all(const float* from, size_t count, uint8_t* to) {
  for (size_t at = 0; at < count; ++at) to[at] = to_byte(from[at]);
}

void fill_rows(const FitRule& rule, uint8_t* out) {
  if (rule.fill.size() <= 1) {
    memset(out, rule.fill.empty() ? 0 : rule.fill[0], static_cast<size_t>(rule.target.bytes()));
    return;
  }
  for (int64_t at = 0; at < rule.target.bytes(); ++at)
    out[at] = rule.fill[static_cast<size_t>(at % rule.target.channels)];
}

} // namespace

FitPlan plan_fit(const FitRule& rule, int64_t height, int64_t width) {
  const int64_t target_height = rule.target.height, target_width = rule.target.width;
  // Whether the image is, for its width, at most as high as the target.
  const bool is_wider = height * target_width <= width * target_height;
  int64_t scaled_height = height, scaled_width = width;
  switch (rule.kind) {
  case FitKind::shorter_side:
    if (rule.shorter_side > 0) {
      const int64_t shorter = std::min(height, width);
      scaled_height = scale_length(height, rule.shorter_side, shorter);
      scaled_width = scale_length(width, rule.shorter_side, shorter);
    } else {
      scaled_height = is_wider ? target_height : scale_length(height, target_width, width);
      scaled_width = is_wider ? scale_length(width, target_height, height) : target_width;
    }
    break;
  case FitKind::exact:
    scaled_height = target_height;
    scaled_width = target_width;
    break;
  case FitKind::letterbox:
    scaled_height = is_wider ? std::min(scale_length(height, target_width, width), target_height) : target_height;
    scaled_width = is_wider ? target_width : std::min(scale_length(width, target_height, height), target_width);
    break;
  case FitKind::crop:
    break;
  }
  return {centred(height, scaled_height, target_height), centred(width, scaled_width, target_width)};
}

void ImageFitter::find_taps(const FitAxis& axis, ResampleFilter filter, Taps& taps) {
  taps.taps.clear();
  taps.weights.clear();
  const double step = static_cast<double>(axis.source) / static_cast<double>(axis.scaled);
  const double radius = std::max(step, 1.0);
  for (int64_t at = axis.first; at < axis.first + axis.count; ++at) {
    if (axis.copies() || filter == ResampleFilter::nearest) {
      const int64_t source = axis.copies() ? at : (2 * at + 1) * axis.source / (2 * axis.scaled);
      taps.taps.push_back({source, 1, taps.weights.size()});
      taps.weights.push_back(1);
      continue;
    }
    const double centre = (static_cast<double>(at) + 0.5) * step;
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(std::floor(centre - radius)), 0);
    const int64_t last = std::min(static_cast<int64_t>(std::ceil(centre + radius)), axis.source); // one beyond
    Tap tap{0, 0, taps.weights.size()};
    double sum = 0;
    for (int64_t source = first; source < last; ++source) {
      const double weight = 1 - std::abs(static_cast<double>(source) + 0.5 - centre) / radius;
      if (!(weight > 0)) continue; // only at the ends
      if (tap.count == 0) tap.first = source;
      ++tap.count;
      sum += weight;
      taps.weights.push_back(static_cast<float>(weight));
    }
    const auto scale = static_cast<float>(1 / sum);
    for (size_t i = tap.weights; i < taps.weights.size(); ++i) taps.weights[i] *= scale;
    taps.taps.push_back(tap);
  }
}

void ImageFitter::fit(const FitRule& rule, const Image& image, uint8_t* out) {
  const FitPlan plan = plan_fit(rule, image.shape.height, image.shape.width);
  if (plan.y.count < rule.target.height || plan.x.count < rule.target.width) fill_rows(rule, out);
  if (!plan.y.copies() || !plan.x.copies()) return resample(rule, plan, image, out);
  const int64_t channels = rule.target.channels;
  for (int64_t y = 0; y < plan.y.count; ++y)
    memcpy(out + ((plan.y.offset + y) * rule.target.width + plan.x.offset) * channels,
           image.pixels.data() + ((plan.y.first + y) * image.shape.width + plan.x.first) * channels,
           static_cast<size_t>(plan.x.count * channels));
}

void ImageFitter::resample(const FitRule& rule, const FitPlan& plan, const Image& image, uint8_t* out) {
  find_taps(plan.y, rule.filter, rows_);
  find_taps(plan.x, rule.filter, columns_);
  const int64_t channels = rule.target.channels;
  // The columns that any output pixel looks at.
  const int64_t begin = columns_.taps.front().first;
  const int64_t end = columns_.taps.back().first + columns_.taps.back().count;
  const auto width = static_cast<size_t>((end - begin) * channels);
  const auto out_width = static_cast<size_t>(plan.x.count * channels);
  // What is beyond a pixel's own weights weighs 0, and may lie beyond the line, as the fourth lane of colours may.
  int64_t most = 0;
  for (const Tap& column : columns_.taps) most = std::max(most, column.count);
  firsts_.clear();
  column_weights_.assign(columns_.taps.size() * static_cast<size_t>(most), 0);
  for (const Tap& column : columns_.taps) {
    std::copy_n(&columns_.weights[column.weights], column.count,
                &column_weights_[firsts_.size() * static_cast<size_t>(most)]);
    firsts_.push_back((column.first - begin) * channels);
  }
  const Columns columns{firsts_, column_weights_.data(), most};
  line_.assign(width + static_cast<size_t>(most * channels) + 1, 0);
  sums_.resize(out_width + 1);
  for (int64_t y = 0; y < plan.y.count; ++y) {
    const Tap& row = rows_.taps[static_cast<size_t>(y)];
    weigh_rows(image.pixels.data() + (row.first * image.shape.width + begin) * channels, image.shape.width * channels,
               std::span(rows_.weights).subspan(row.weights, static_cast<size_t>(row.count)), width, line_.data());
    weigh_columns(columns, channels, line_.data(), sums_.data());
    round_all(sums_.data(), out_width, out + ((plan.y.offset + y) * rule.target.width + plan.x.offset) * channels);
  }
}

} // namespace kiln::runtime
