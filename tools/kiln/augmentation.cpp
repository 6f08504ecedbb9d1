// The augmentation of an experiment as the runtime wants it described.
#include "augmentation.h"

#include "runtime/counter_random.h"

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

} // namespace

Augmentation::Augmentation(const frontend::LoadedExperiment& loaded) {
  const proto::Augment& augment = loaded.experiment.augment();
  if (augment.has_rotate_scale()) {
    const proto::RotateScale& turn = augment.rotate_scale();
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_ROTATE_SCALE, "augment.rotate_scale");
    stage.angle = turn.degrees() * std::numbers::pi / 180;
    for (int i = 0; i < 2; ++i) {
      stage.scale[i] = turn.scale(i);
      stage.aspect[i] = turn.aspect(i);
    }
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
    stages_.push_back(stage);
  }
  if (augment.has_flip()) {
    kiln_augment_stage stage = make_stage(KILN_AUGMENT_FLIP, "augment.flip");
    stage.probability = augment.flip().probability();
    stages_.push_back(stage);
  }
}

kiln_outside Augmentation::outside(proto::Border border, const google::protobuf::RepeatedField<int64_t>& fill) {
  fills_.emplace_back(fill.begin(), fill.end());
  return {border_of(border), fills_.back().data(), static_cast<int32_t>(fills_.back().size())};
}

} // namespace kiln::tools
