// How images of any size become images of one size: rules, and the resampling that they share.
// Same bits on every machine: float products and sums in a stated order, never contracted.
#include "runtime/fit_image.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kiln::runtime {
namespace {

// a * b / c, rounded to nearest, at least 1.
int64_t scale_length(int64_t a, int64_t b, int64_t c) { return std::max<int64_t>((2 * a * b + c) / (2 * c), 1); }

FitAxis centred(int64_t source, int64_t scaled, int64_t target) {
  if (scaled >= target) return {source, scaled, (scaled - target) / 2, target, 0};
  return {source, scaled, 0, scaled, (target - scaled) / 2};
}

uint8_t to_byte(float value) { return static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f)); }

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
  line_.resize(width);
  float* const line = line_.data();
  for (int64_t y = 0; y < plan.y.count; ++y) {
    const Tap& row = rows_.taps[static_cast<size_t>(y)];
    for (int64_t tap = 0; tap < row.count; ++tap) {
      const uint8_t* source = image.pixels.data() + ((row.first + tap) * image.shape.width + begin) * channels;
      const float weight = rows_.weights[row.weights + static_cast<size_t>(tap)];
      if (tap == 0)
        for (size_t at = 0; at < width; ++at) line[at] = weight * static_cast<float>(source[at]);
      else
        for (size_t at = 0; at < width; ++at) line[at] += weight * static_cast<float>(source[at]);
    }
    uint8_t* to = out + ((plan.y.offset + y) * rule.target.width + plan.x.offset) * channels;
    for (const Tap& column : columns_.taps) {
      const float* weights = &columns_.weights[column.weights];
      const float* from = line + (column.first - begin) * channels;
      if (channels == 3) { // as below, with the channels side by side
        float red = 0, green = 0, blue = 0;
        for (int64_t tap = 0; tap < column.count; ++tap, from += 3) {
          red += weights[tap] * from[0];
          green += weights[tap] * from[1];
          blue += weights[tap] * from[2];
        }
        *to++ = to_byte(red);
        *to++ = to_byte(green);
        *to++ = to_byte(blue);
        continue;
      }
      for (int64_t channel = 0; channel < channels; ++channel) {
        float sum = 0;
        for (int64_t tap = 0; tap < column.count; ++tap) sum += weights[tap] * from[tap * channels + channel];
        *to++ = to_byte(sum);
      }
    }
  }
}

} // namespace kiln::runtime
