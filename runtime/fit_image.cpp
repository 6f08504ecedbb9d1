// How images of any size become images of one size: rules, and the resampling that they share.
// Same bits on every machine: weights are found in double and rounded, the rest is in whole numbers.
#include "runtime/fit_image.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

namespace kiln::runtime {
namespace {

// a * b / c, rounded to nearest, at least 1.
int64_t scale_length(int64_t a, int64_t b, int64_t c) { return std::max<int64_t>((2 * a * b + c) / (2 * c), 1); }

constexpr int16_t one_weight = 1 << resample_weight_bits;

FitAxis centred(int64_t source, int64_t scaled, int64_t target) {
  if (scaled >= target) return {source, scaled, (scaled - target) / 2, target, 0};
  return {source, scaled, 0, scaled, (target - scaled) / 2};
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

FitRange source_range(const FitAxis& axis) {
  if (axis.copies()) return {axis.first, axis.first + axis.count};
  const double step = static_cast<double>(axis.source) / static_cast<double>(axis.scaled);
  const double radius = std::max(step, 1.0);
  const double first = (static_cast<double>(axis.first) + 0.5) * step - radius;
  const double last = (static_cast<double>(axis.first + axis.count) - 0.5) * step + radius;
  return {std::max<int64_t>(static_cast<int64_t>(std::floor(first)), 0),
          std::min(static_cast<int64_t>(std::ceil(last)), axis.source)};
}

void ImageFitter::find_taps(const FitAxis& axis, ResampleFilter filter, Taps& taps) {
  if (axis == taps.axis && filter == taps.filter) return; // images of one size are common
  taps.axis = axis;
  taps.filter = filter;
  taps.taps.clear();
  taps.weights.clear();
  const double step = static_cast<double>(axis.source) / static_cast<double>(axis.scaled);
  const double radius = std::max(step, 1.0);
  std::vector<double> exact;
  for (int64_t at = axis.first; at < axis.first + axis.count; ++at) {
    if (axis.copies() || filter == ResampleFilter::nearest) {
      const int64_t source = axis.copies() ? at : (2 * at + 1) * axis.source / (2 * axis.scaled);
      taps.taps.push_back({source, 1, taps.weights.size()});
      taps.weights.push_back(one_weight);
      continue;
    }
    const double centre = (static_cast<double>(at) + 0.5) * step;
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(std::floor(centre - radius)), 0);
    const int64_t last = std::min(static_cast<int64_t>(std::ceil(centre + radius)), axis.source); // one beyond
    Tap tap{0, 0, taps.weights.size()};
    double sum = 0;
    exact.clear();
    for (int64_t source = first; source < last; ++source) {
      const double weight = 1 - std::abs(static_cast<double>(source) + 0.5 - centre) / radius;
      if (!(weight > 0)) continue; // only at the ends
      if (tap.count == 0) tap.first = source;
      ++tap.count;
      sum += weight;
      exact.push_back(weight);
    }
    // Rounded as running sums are, so that together they weigh exactly 1.
    double before = 0;
    int32_t given = 0;
    for (double weight : exact) {
      before += weight;
      const auto upto = static_cast<int32_t>(std::floor(before / sum * one_weight + 0.5));
      taps.weights.push_back(static_cast<int16_t>(upto - given));
      given = upto;
    }
    taps.taps.push_back(tap);
  }
}

void ImageFitter::fit(const FitRule& rule, const Image& image, uint8_t* out) {
  const FitPlan plan = plan_fit(rule, image.whole_height, image.whole_width);
  if (plan.y.count < rule.target.height || plan.x.count < rule.target.width) fill_rows(rule, out);
  if (!plan.y.copies() || !plan.x.copies()) return resample(rule, plan, image, out);
  const int64_t channels = rule.target.channels;
  for (int64_t y = 0; y < plan.y.count; ++y)
    memcpy(out + ((plan.y.offset + y) * rule.target.width + plan.x.offset) * channels,
           image.pixels.data() +
               ((plan.y.first + y - image.top) * image.shape.width + plan.x.first - image.left) * channels,
           static_cast<size_t>(plan.x.count * channels));
}

void ImageFitter::resample(const FitRule& rule, const FitPlan& plan, const Image& image, uint8_t* out) {
  find_taps(plan.y, rule.filter, rows_);
  find_taps(plan.x, rule.filter, columns_);
  const int64_t channels = rule.target.channels;
  // The columns that any output pixel looks at.
  const int64_t begin = columns_.taps.front().first;
  const int64_t end = columns_.taps.back().first + columns_.taps.back().count;
  const int64_t width = (end - begin) * channels;
  const auto out_width = static_cast<size_t>(plan.x.count * channels);
  // What is beyond a pixel's own weights weighs 0, and may lie beyond the line, as what vectors read besides may.
  int64_t most = 0;
  for (const Tap& column : columns_.taps) most = std::max(most, column.count + column.count % 2);
  firsts_.clear();
  column_weights_.assign(columns_.taps.size() * static_cast<size_t>(most), 0);
  for (const Tap& column : columns_.taps) {
    std::copy_n(&columns_.weights[column.weights], column.count,
                &column_weights_[firsts_.size() * static_cast<size_t>(most)]);
    firsts_.push_back((column.first - begin) * channels);
  }
  const ResampleColumns columns{firsts_, column_weights_.data(), most};
  constexpr size_t read_beyond = 8;
  line_.assign(static_cast<size_t>(width + most * channels) + read_beyond, 0);
  out_row_.resize(out_width + 1);
  for (int64_t y = 0; y < plan.y.count; ++y) {
    const Tap& row = rows_.taps[static_cast<size_t>(y)];
    loops_.weigh_rows(
        image.pixels.data() + ((row.first - image.top) * image.shape.width + begin - image.left) * channels,
        image.shape.width * channels, std::span(rows_.weights).subspan(row.weights, static_cast<size_t>(row.count)),
        width, line_.data());
    if (channels == 1)
      weigh_greys(columns, line_.data(), out_row_.data());
    else
      loops_.weigh_colours(columns, line_.data(), out_row_.data());
    memcpy(out + ((plan.y.offset + y) * rule.target.width + plan.x.offset) * channels, out_row_.data(), out_width);
  }
}

} // namespace kiln::runtime
