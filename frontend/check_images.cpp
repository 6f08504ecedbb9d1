// Everything that can be wrong with what happens to images - pre-processing, augmentation - before any shape is known.
#include "frontend/check_images.h"

#include <algorithm>

#include <fmt/format.h>

namespace kiln::frontend {
namespace {

class ImagesCheck : SectionCheck {
public:
  using SectionCheck::SectionCheck;

  void run(const proto::Experiment& experiment) {
    check_preprocess(experiment.preprocess());
    check_augment(experiment.augment(), experiment.training().balance());
  }

private:
  void check_preprocess(const proto::Preprocess& preprocess) {
    if (preprocess.scale() == 0) error("preprocess.scale", "scale is 0: every image would be the same");
    for (int i = 0; i < preprocess.std_size(); ++i)
      if (!(preprocess.std(i) > 0))
        error(fmt::format("preprocess.std[{}]", i), fmt::format("std is {}: it must be above 0", preprocess.std(i)),
              "it is the standard deviation that values are divided by");
    check_statistics(preprocess);
    check_decorrelation(preprocess);
  }

  // What statistics of the training images would undo or do twice.
  void check_statistics(const proto::Preprocess& preprocess) {
    if (!(preprocess.least_std() > 0))
      error("preprocess.least_std", fmt::format("least_std is {}: it must be above 0", preprocess.least_std()));
    const std::string_view centers = preprocess.has_min_max()       ? "min_max"
                                     : preprocess.has_zero_center() ? "zero_center"
                                                                    : "";
    const std::string_view divides = preprocess.has_min_max()         ? "min_max"
                                     : preprocess.has_divide_by_std() ? "divide_by_std"
                                                                      : "";
    const auto any_but = [](const auto& values, double neutral) {
      return std::any_of(values.begin(), values.end(), [&](double value) { return value != neutral; });
    };
    if (!centers.empty() && any_but(preprocess.mean(), 0))
      error("preprocess.mean", fmt::format("a given mean has no effect beside {}", centers), "leave one of them out");
    if (!divides.empty() && any_but(preprocess.std(), 1))
      error("preprocess.std", fmt::format("a given std has no effect beside {}", divides), "leave one of them out");
    for (const auto& [given, name] : {std::pair(preprocess.has_zero_center(), "zero_center"),
                                      std::pair(preprocess.has_divide_by_std(), "divide_by_std")})
      if (given && preprocess.has_min_max())
        error(fmt::format("preprocess.{}", name), fmt::format("min_max takes the place of {}", name),
              "leave one of them out");
  }

  void check_decorrelation(const proto::Preprocess& preprocess) {
    proto::Whitened of = proto::IMAGE;
    std::string name;
    double epsilon = 0;
    int64_t components = 0;
    switch (preprocess.decorrelation_case()) {
    case proto::Preprocess::kPca:
      name = "pca";
      of = preprocess.pca().of();
      components = preprocess.pca().components();
      break;
    case proto::Preprocess::kPcaWhitening:
      name = "pca_whitening";
      of = preprocess.pca_whitening().of();
      components = preprocess.pca_whitening().components();
      epsilon = preprocess.pca_whitening().epsilon();
      break;
    case proto::Preprocess::kZca:
      name = "zca";
      of = preprocess.zca().of();
      epsilon = preprocess.zca().epsilon();
      break;
    case proto::Preprocess::DECORRELATION_NOT_SET:
      return;
    }
    const std::string path = "preprocess." + name;
    if (!(epsilon >= 0)) error(path + ".epsilon", fmt::format("epsilon is {}: it must not be negative", epsilon));
    check_count(path + ".components", "components", components, 0);
    if (preprocess.has_min_max())
      error(path, fmt::format("{} is of zero-centred values, min_max leaves others", name),
            "zero_center: PIXEL in place of min_max");
    else if (!preprocess.has_zero_center())
      error(path, fmt::format("{} is of zero-centred values: there is no zero_center", name), "zero_center: PIXEL");
    else if (of == proto::IMAGE && preprocess.zero_center() != proto::PIXEL)
      error(path, fmt::format("{} of whole images needs every value zero-centred for itself", name),
            fmt::format("zero_center: PIXEL, or {} {{ of: COLOR }}", name));
  }

  void check_augment(const proto::Augment& augment, proto::Balance balance) {
    if (augment.has_rotate_scale()) {
      const proto::RotateScale& turn = augment.rotate_scale();
      const std::string path = "augment.rotate_scale";
      if (!(turn.degrees() >= 0 && turn.degrees() <= 180))
        error(path + ".degrees", fmt::format("degrees is {}: it must lie between 0 and 180", turn.degrees()));
      check_factors(turn.scale(), path + ".scale", "scale");
      check_factors(turn.aspect(), path + ".aspect", "aspect");
      check_fill(turn.fill(), turn.border(), path + ".fill");
      if (turn.degrees() == 0 && all_one(turn.scale()) && all_one(turn.aspect()))
        error(path, "rotate_scale neither turns nor scales", "for example degrees: 15 scale: [0.9, 1.1]");
    }
    if (augment.has_random_crop()) {
      const proto::RandomCrop& crop = augment.random_crop();
      const std::string path = "augment.random_crop";
      if (crop.size_size() > 2)
        error(path + ".size",
              fmt::format("size has {} values: it takes one or two, height and width", crop.size_size()));
      for (int64_t side : crop.size()) {
        check_count(path + ".size", "size", side);
        if (side < 1) break; // one value stands for both
      }
      if (crop.padding() < 0 || crop.padding() > 4096)
        error(path + ".padding", fmt::format("padding is {}: it must lie between 0 and 4096", crop.padding()));
      check_fill(crop.fill(), crop.border(), path + ".fill");
      if (crop.only_repeats() && balance != proto::UP_SAMPLE)
        error(path + ".only_repeats", "nothing is visited again: training has no balance: UP_SAMPLE",
              "training { balance: UP_SAMPLE }");
      if (crop.size().empty() && crop.padding() == 0)
        error(path, "random_crop has neither size nor padding: nothing would be cut off", "for example padding: 4");
    }
    if (augment.has_flip()) check_within("augment.flip", "probability", augment.flip().probability(), 1);
    check_colors(augment);
    check_mixing(augment);
    if (!augment.has_random_erasing()) return;
    const proto::RandomErasing& erasing = augment.random_erasing();
    const std::string path = "augment.random_erasing";
    check_within(path, "probability", erasing.probability(), 1);
    check_factors(erasing.area(), path + ".area", "area", 0.0001, 1);
    check_factors(erasing.aspect(), path + ".aspect", "aspect");
    check_fill(erasing.fill(), proto::FILL, path + ".fill");
    if (!erasing.fill().empty() && erasing.noise())
      error(path + ".fill", "fill has no effect with noise", "leave it out");
  }

  void check_mixing(const proto::Augment& augment) {
    if (augment.has_mixup()) check_mix("augment.mixup", augment.mixup());
    if (augment.has_cutmix()) check_mix("augment.cutmix", augment.cutmix());
  }

  template <class Mix> void check_mix(const std::string& path, const Mix& mix) {
    check_within(path, "probability", mix.probability(), 1);
    if (!(mix.alpha() >= 0.001 && mix.alpha() <= 1000))
      error(path + ".alpha", fmt::format("alpha is {}: it must lie between 0.001 and 1000", mix.alpha()));
  }

  void check_colors(const proto::Augment& augment) {
    if (augment.has_fancy_pca()) check_within("augment.fancy_pca", "std", augment.fancy_pca().std(), 100);
    if (augment.has_color_jitter()) {
      const proto::ColorJitter& jitter = augment.color_jitter();
      const std::string path = "augment.color_jitter";
      check_factors(jitter.brightness(), path + ".brightness", "brightness");
      check_factors(jitter.contrast(), path + ".contrast", "contrast");
      check_factors(jitter.saturation(), path + ".saturation", "saturation");
      check_within(path, "hue", jitter.hue(), 0.5);
      if (all_one(jitter.brightness()) && all_one(jitter.contrast()) && all_one(jitter.saturation()) &&
          jitter.hue() == 0)
        error(path, "color_jitter changes nothing", "for example brightness: [0.6, 1.4] saturation: [0.6, 1.4]");
    }
    if (augment.has_hsv_jitter()) {
      const proto::HsvJitter& jitter = augment.hsv_jitter();
      const std::string path = "augment.hsv_jitter";
      check_factors(jitter.power(), path + ".power", "power");
      check_factors(jitter.factor(), path + ".factor", "factor");
      check_within(path, "shift", jitter.shift(), 1);
      check_within(path, "hue", jitter.hue(), 0.5);
    }
  }

  static bool all_one(const Numbers& values) {
    return std::all_of(values.begin(), values.end(), [](double value) { return value == 1; });
  }

  void check_fill(const google::protobuf::RepeatedField<int64_t>& fill, proto::Border border, const std::string& path) {
    for (int64_t value : fill)
      if (value < 0 || value > 255) error(path, fmt::format("fill is {}: it must lie between 0 and 255", value));
    if (!fill.empty() && border != proto::FILL)
      error(path, fmt::format("fill has no effect with border: {}", proto::Border_Name(border)), "leave it out");
  }
};

} // namespace

void check_images(const proto::Experiment& resolved, const Positions& positions, Diagnostics& diagnostics,
                  const std::set<std::string>& faulty) {
  ImagesCheck(positions, diagnostics, faulty).run(resolved);
}

} // namespace kiln::frontend
