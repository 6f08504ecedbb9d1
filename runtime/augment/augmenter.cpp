// The changes to training images, one after the other, as the recipe describes them.
// What is drawn is a function of (seed, epoch, sample, stage): neither workers nor a resumed run change it.
#include "runtime/augment/augmenter.h"

#include "runtime/augment/crop.h"
#include "runtime/augment/flip.h"
#include "runtime/augment/rotate_scale.h"
#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/number_format.h"
#include "runtime/vector_math.h"

#include <algorithm>
#include <cstring>

namespace kiln::runtime {
namespace {

// The four draws of a sample.
using Draws = random::Counter4<uint32_t>;

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

// Of the rows (or columns) at which a part can begin.
int64_t draw_start(int64_t extent, int64_t part, int64_t padding, uint32_t draw) {
  return random::below(draw, static_cast<uint32_t>(extent + 2 * padding - part + 1)) - padding;
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
    shapes_.push_back(shape_after(stage, shapes_.back()));
  }
  for (const ImageShape& shape : shapes_) scratch_bytes_ = std::max(scratch_bytes_, shape.bytes());
}

void Augmenter::run(Scratch& scratch, int64_t epoch, int64_t sample, uint8_t* result) const {
  uint8_t* from = source(scratch);
  uint8_t* to = from + scratch_bytes_;
  for (size_t i = 0; i < stages_.size(); ++i) {
    const bool is_last = i + 1 == stages_.size();
    apply(stages_[i], {from, shapes_[i]}, epoch, sample, is_last ? result : to);
    std::swap(from, to);
  }
}

void Augmenter::apply(const kiln_augment_stage& stage, const ImageView& image, int64_t epoch, int64_t sample,
                      uint8_t* result) const {
  const uint64_t key = random::stream_key(seed_, static_cast<uint64_t>(epoch), stage.stream);
  const Draws draws = random::draw_block(key, static_cast<uint64_t>(sample));
  switch (stage.kind) {
  case KILN_AUGMENT_ROTATE_SCALE:
    rotate_scale_image(image, draw_turn(stage, draws), stage.outside, result);
    break;
  case KILN_AUGMENT_RANDOM_CROP:
    crop_image(image, draw_start(image.shape.height, stage.height, stage.padding, draws.x[0]),
               draw_start(image.shape.width, stage.width, stage.padding, draws.x[1]), stage.height, stage.width,
               stage.outside, result);
    break;
  case KILN_AUGMENT_FLIP:
    if (random::uniform(draws.x[0]) < static_cast<float>(stage.probability))
      flip_image(image, result);
    else
      memcpy(result, image.bytes, static_cast<size_t>(image.shape.bytes()));
    break;
  }
}

} // namespace kiln::runtime
