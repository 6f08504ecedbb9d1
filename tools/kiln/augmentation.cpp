// The augmentation of an experiment as the runtime wants it described.
#include "augmentation.h"

#include "runtime/counter_random.h"

#include <algorithm>
#include <numbers>

namespace kiln::tools {

namespace {

kiln_augment_stage make_stage(kiln_augment_kind kind, const char* name) {
  kiln_augment_stage stage{};
  stage.kind = kind;
  stage.stream = random::stream_id(name);
  return stage;
}

kiln_border border_of(proto::Border border) {
  switch (border) {
  case proto::FILL:
    return KILN_BORDER_FILL;
  case proto::REFLECT:
    return KILN_BORDER_REFLECT;
  case proto::EDGE:
    return KILN_BORDER_EDGE;
  }
  return KILN_BORDER_FILL;
}

// Both bounds, which are written out once an experiment is resolved.
void copy(const google::protobuf::RepeatedField<double>& range, double (&bounds)[2]) {
  bounds[0] = range[0];
  bounds[1] = range[1];
}

} // namespace

Augmentation::Augmentation(const frontend::LoadedExperiment& loaded) {
  const proto::Augment& augment = loaded.experiment.augment();
  if (augment.has_rotate_scale()) {
    const proto::RotateScale& turn = augment.rotate_scale();
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_ROTATE_SCALE, "augment.rotate_scale");
    stage.angle = turn.degrees() * std::numbers::pi / 180;
    copy(turn.scale(), stage.scale);
    copy(turn.aspect(), stage.aspect);
    stage.logarithmic = turn.logarithmic() ? 1 : 0;
    stage.outside = outside(turn.border(), turn.fill());
    stages_.push_back(stage);
  }
  if (augment.has_random_crop()) {
    const proto::RandomCrop& crop = augment.random_crop();
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_RANDOM_CROP, "augment.random_crop");
    stage.padding = crop.padding();
    stage.height = loaded.data.height;
    stage.width = loaded.data.width;
    stage.outside = outside(crop.border(), crop.fill());
    stage.only_repeats = crop.only_repeats() ? 1 : 0;
    stages_.push_back(stage);
  }
  if (augment.has_flip()) {
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_FLIP, "augment.flip");
    stage.probability = augment.flip().probability();
    stages_.push_back(stage);
  }
  if (augment.has_color_jitter()) {
    const proto::ColorJitter& jitter = augment.color_jitter();
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_COLOR_JITTER, "augment.color_jitter");
    copy(jitter.brightness(), stage.brightness);
    copy(jitter.contrast(), stage.contrast);
    copy(jitter.saturation(), stage.saturation);
    stage.hue = jitter.hue();
    stages_.push_back(stage);
  }
  if (augment.has_hsv_jitter()) {
    const proto::HsvJitter& jitter = augment.hsv_jitter();
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_HSV_JITTER, "augment.hsv_jitter");
    copy(jitter.power(), stage.power);
    copy(jitter.factor(), stage.factor);
    stage.shift = jitter.shift();
    stage.hue = jitter.hue();
    stages_.push_back(stage);
  }
  if (augment.has_fancy_pca()) {
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_FANCY_PCA, "augment.fancy_pca");
    stage.strength = augment.fancy_pca().std();
    stages_.push_back(stage);
  }
  if (augment.has_random_erasing()) {
    const proto::RandomErasing& erasing = augment.random_erasing();
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_RANDOM_ERASING, "augment.random_erasing");
    stage.probability = erasing.probability();
    copy(erasing.area(), stage.area);
    copy(erasing.aspect(), stage.aspect);
    stage.outside = outside(proto::FILL, erasing.fill());
    stage.noise = erasing.noise() ? 1 : 0;
    stages_.push_back(stage);
  }
  if (augment.has_mixup()) {
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_MIXUP, "augment.mixup");
    stage.probability = augment.mixup().probability();
    stage.alpha = augment.mixup().alpha();
    stages_.push_back(stage);
  }
  if (augment.has_cutmix()) {
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_CUTMIX, "augment.cutmix");
    stage.probability = augment.cutmix().probability();
    stage.alpha = augment.cutmix().alpha();
    stages_.push_back(stage);
  }
}

// Eigenvalues of values from 0 to 1 are those of grey levels over 255 squared; what is added is again in grey levels.
void Augmentation::set_colors(const std::vector<statistics::NamedTensor>& summary) {
  const auto find = [&](std::string_view name) -> const std::vector<double>& {
    return std::find_if(summary.begin(), summary.end(), [&](const auto& tensor) { return tensor.name == name; })
        ->values;
  };
  const std::vector<double>&values = find("channel_eigenvalues"), &vectors = find("channel_eigenvectors");
  if (values.size() != 3) return; // the augmenter refuses such images
  for (kiln_augment_stage& stage : stages_) {
    if (stage.kind != KILN_AUGMENT_FANCY_PCA) continue;
    for (size_t k = 0; k < 3; ++k)
      for (size_t c = 0; c < 3; ++c) stage.colors[3 * k + c] = vectors[3 * k + c] * values[k] / 255;
  }
}

kiln_outside Augmentation::outside(proto::Border border, const google::protobuf::RepeatedField<int64_t>& fill) {
  fills_.emplace_back(fill.begin(), fill.end());
  return {border_of(border), fills_.back().data(), static_cast<int32_t>(fills_.back().size())};
}

} // namespace kiln::tools
