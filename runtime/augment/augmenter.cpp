// The changes to training images, one after the other, as the recipe describes them.
// What is drawn is a function of (seed, epoch, sample, stage): neither workers nor a resumed run change it.
#include "runtime/augment/augmenter.h"

#include "runtime/augment/color.h"
#include "runtime/augment/crop.h"
#include "runtime/augment/erase.h"
#include "runtime/augment/flip.h"
#include "runtime/augment/rotate_scale.h"
#include "runtime/counter_random.h"
#include "runtime/epoch_samples.h"
#include "runtime/error.h"
#include "runtime/number_format.h"
#include "runtime/vector_math.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace kiln::runtime {
namespace {

// Four draws of a sample.
using Draws = random::Counter4<uint32_t>;

// All draws of a sample: four at a time, each four from a stream of their own.
class SampleDraws {
public:
  SampleDraws(uint64_t seed, int64_t epoch, uint64_t stream, int64_t sample)
      : seed_(seed), epoch_(static_cast<uint64_t>(epoch)), stream_(stream), sample_(static_cast<uint64_t>(sample)) {}

  Draws block(uint64_t number) const { return random::draw_block(key(number), sample_); }
  // For more draws than a few: of the sample alone.
  uint64_t own_key(uint64_t number) const { return random::stream_key(key(number), sample_, number); }

private:
  uint64_t key(uint64_t number) const { return random::stream_key(seed_, epoch_, stream_ + number); }

  uint64_t seed_, epoch_, stream_, sample_;
};

// From [low, high).
float between(const double (&bounds)[2], uint32_t draw, bool logarithmic) {
  const auto low = static_cast<float>(bounds[0]), high = static_cast<float>(bounds[1]);
  if (low == high) return low;
  const float share = random::uniform(draw);
  return logarithmic ? low * math::exp(math::log(high / low) * share) : low + (high - low) * share;
}

Turn draw_turn(const kiln_augment_stage& stage, const Draws& draws) {
  const float scale = between(stage.scale, draws.x[1], stage.logarithmic != 0);
  const float stretch = math::sqrt(between(stage.aspect, draws.x[2], stage.logarithmic != 0));
  const float angle = (2 * random::uniform(draws.x[0]) - 1) * static_cast<float>(stage.angle);
  return {angle, scale * stretch, scale / stretch};
}

// From -most to most.
float about_zero(double most, uint32_t draw) { return (2 * random::uniform(draw) - 1) * static_cast<float>(most); }

ColorJitter draw_color_jitter(const kiln_augment_stage& stage, const Draws& draws) {
  return {between(stage.brightness, draws.x[0], false), between(stage.contrast, draws.x[1], false),
          between(stage.saturation, draws.x[2], false), about_zero(stage.hue, draws.x[3])};
}

HsvJitter draw_hsv_jitter(const kiln_augment_stage& stage, const SampleDraws& sample) {
  const auto curve = [&](const Draws& draws) {
    return HsvJitter::Curve{between(stage.power, draws.x[0], true), between(stage.factor, draws.x[1], false),
                            about_zero(stage.shift, draws.x[2])};
  };
  const Draws first = sample.block(0), second = sample.block(1);
  return {curve(first), curve(second), about_zero(stage.hue, first.x[3])};
}

Rectangle draw_rectangle(const kiln_augment_stage& stage, const ImageShape& shape, const SampleDraws& sample) {
  const Draws size = sample.block(0), place = sample.block(1);
  Rectangle part = rectangle_of(shape, between(stage.area, size.x[1], false), between(stage.aspect, size.x[2], true));
  part.top = random::below(place.x[0], static_cast<uint32_t>(shape.height - part.height + 1));
  part.left = random::below(place.x[1], static_cast<uint32_t>(shape.width - part.width + 1));
  return part;
}

std::array<float, 3> draw_fancy_pca(const kiln_augment_stage& stage, uint64_t key) {
  std::array<float, 3> color{};
  for (size_t k = 0; k < 3; ++k) {
    const float draw = static_cast<float>(stage.strength) * math::draw_normal(key, k);
    for (size_t c = 0; c < 3; ++c) color[c] = color[c] + draw * static_cast<float>(stage.colors[3 * k + c]);
  }
  return color;
}

// Of the rows (or columns) at which a part can begin.
int64_t draw_start(int64_t extent, int64_t part, int64_t padding, uint32_t draw) {
  return random::below(draw, static_cast<uint32_t>(extent + 2 * padding - part + 1)) - padding;
}

bool wants_colors(const kiln_augment_stage& stage) {
  const bool jitters = stage.saturation[0] != 1 || stage.saturation[1] != 1 || stage.hue != 0;
  return stage.kind == KILN_AUGMENT_HSV_JITTER || stage.kind == KILN_AUGMENT_FANCY_PCA ||
         (stage.kind == KILN_AUGMENT_COLOR_JITTER && jitters);
}

ImageShape shape_after(const kiln_augment_stage& stage, const ImageShape& before) {
  if (stage.kind != KILN_AUGMENT_RANDOM_CROP) return before;
  if (before.height + 2 * stage.padding < stage.height || before.width + 2 * stage.padding < stage.width)
    throw Error(ErrorKind::data, "random_crop: images are " + to_string(before) +
                                     " (height x width x channels), with " + format_integer(stage.padding) +
                                     " put around too small for parts of " + format_integer(stage.height) + "x" +
                                     format_integer(stage.width));
  return {stage.height, stage.width, before.channels};
}

} // namespace

Augmenter::Augmenter(std::span<const kiln_augment_stage> stages, ImageShape source, uint64_t seed)
    : stages_(stages), shapes_{source}, seed_(seed) {
  for (const kiln_augment_stage& stage : stages) {
    const kiln_outside& outside = stage.outside;
    if (outside.fill_count > 1 && outside.fill_count != source.channels)
      throw Error(ErrorKind::data, "augment: fill has " + format_integer(outside.fill_count) + " values, images have " +
                                       format_integer(source.channels) + " channels");
    if (wants_colors(stage) && source.channels != 3)
      throw Error(ErrorKind::data,
                  "augment: images of " + format_integer(source.channels) + " channels have no colours to change");
    shapes_.push_back(shape_after(stage, shapes_.back()));
  }
  for (const ImageShape& shape : shapes_) scratch_bytes_ = std::max(scratch_bytes_, shape.bytes());
}

void Augmenter::run(Scratch& scratch, int64_t epoch, int64_t visit, uint8_t* result) const {
  uint8_t* from = source(scratch);
  uint8_t* to = from + scratch_bytes_;
  for (size_t i = 0; i < stages_.size(); ++i) {
    const bool is_last = i + 1 == stages_.size();
    apply(stages_[i], {from, shapes_[i]}, epoch, visit, is_last ? result : to);
    std::swap(from, to);
  }
}

void Augmenter::apply(const kiln_augment_stage& stage, const ImageView& image, int64_t epoch, int64_t visit,
                      uint8_t* result) const {
  const SampleDraws own(seed_, epoch, stage.stream, visit);
  const Draws draws = own.block(0);
  switch (stage.kind) {
  case KILN_AUGMENT_ROTATE_SCALE:
    rotate_scale_image(image, draw_turn(stage, draws), stage.outside, result);
    break;
  case KILN_AUGMENT_RANDOM_CROP: {
    const bool from_middle = stage.only_repeats != 0 && visit_of(visit) == 0;
    const auto start = [&](int64_t extent, int64_t part, uint32_t draw) {
      return from_middle ? (extent - part) / 2 : draw_start(extent, part, stage.padding, draw);
    };
    crop_image(image, start(image.shape.height, stage.height, draws.x[0]),
               start(image.shape.width, stage.width, draws.x[1]), stage.height, stage.width, stage.outside, result);
    break;
  }
  case KILN_AUGMENT_FLIP:
    if (random::uniform(draws.x[0]) < static_cast<float>(stage.probability))
      flip_image(image, result);
    else
      memcpy(result, image.bytes, static_cast<size_t>(image.shape.bytes()));
    break;
  case KILN_AUGMENT_COLOR_JITTER:
    jitter_colors(image, draw_color_jitter(stage, draws), result);
    break;
  case KILN_AUGMENT_HSV_JITTER:
    jitter_hsv(image, draw_hsv_jitter(stage, own), result);
    break;
  case KILN_AUGMENT_RANDOM_ERASING: {
    const bool erases = random::uniform(draws.x[0]) < static_cast<float>(stage.probability);
    const Rectangle part = erases ? draw_rectangle(stage, image.shape, own) : Rectangle{};
    erase(image, part, stage.outside, stage.noise ? std::optional(own.own_key(2)) : std::nullopt, result);
    break;
  }
  case KILN_AUGMENT_FANCY_PCA:
    add_color(image, draw_fancy_pca(stage, own.own_key(0)), result);
    break;
  case KILN_AUGMENT_MIXUP: // Mixer's
  case KILN_AUGMENT_CUTMIX:
    break;
  }
}

} // namespace kiln::runtime
