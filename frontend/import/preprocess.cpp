// The pre-processing as the first nodes of every function: one op from bytes to floats, which holds given values as
// attributes and statistics of the training images as states; behind it a dense op where whole images are decorrelated.
#include "frontend/import/preprocess.h"

#include "ir/ops/dense.h"
#include "ir/ops/normalize_image.h"
#include "ir/ops/preprocess.h"
#include "ir/ops/reshape.h"
#include "runtime/counter_random.h"

#include <cmath>

#include <fmt/format.h>

namespace kiln::frontend {
namespace {

constexpr int64_t kMostDecorrelated = 4096; // values of an image

class PreprocessImport {
public:
  PreprocessImport(const LoadedExperiment& loaded, ir::Function& function, ir::Value& bytes, Diagnostics& diagnostics)
      : preprocess_(loaded.experiment.preprocess()), loaded_(loaded), data_(loaded.data), function_(function),
        bytes_(bytes), diagnostics_(diagnostics) {}

  ir::Value* run() {
    const bool mean_fits = check_channels(preprocess_.mean_size(), "mean");
    const bool std_fits = check_channels(preprocess_.std_size(), "std"); // both are told
    if (!mean_fits || !std_fits || !check_decorrelation()) return nullptr;
    return takes_statistics(preprocess_) ? by_statistics() : by_given_values();
  }

private:
  // (x * scale - mean) / std  =  x * (scale / std) + (-mean / std)
  ir::Value* by_given_values() {
    ir::Preprocess::Attributes attributes;
    attributes.scale.clear();
    attributes.shift.clear();
    bool in_range = true;
    int count = std::max(preprocess_.mean_size(), preprocess_.std_size());
    for (int c = 0; c < count; ++c) {
      double mean = preprocess_.mean(preprocess_.mean_size() == 1 ? 0 : c);
      double std = preprocess_.std(preprocess_.std_size() == 1 ? 0 : c);
      attributes.scale.push_back(preprocess_.scale() / std);
      attributes.shift.push_back(0.0 - mean / std); // not -0
      in_range = in_range && std::abs(attributes.scale.back()) <= 1e30 && std::abs(attributes.shift.back()) <= 1e30;
    }
    if (!in_range) {
      if (!diagnostics_.has_errors()) error("", "divided by std, values are too large");
      return nullptr;
    }
    return &create<ir::Preprocess>(std::move(attributes), {&bytes_}, "preprocess");
  }

  ir::Value* by_statistics() {
    // States start with what would make a common image of it, for those who check or time a network without data.
    const ir::Dims a_channel{data_.channels};
    const ir::Dims a_value{data_.channels, data_.height, data_.width};
    const auto dims_of = [&](bool given, proto::Extent extent) {
      return given && extent == proto::PIXEL ? a_value : a_channel;
    };
    const bool min_max = preprocess_.has_min_max();
    ir::State& center =
        statistic(kCenterState, min_max ? a_value : dims_of(preprocess_.has_zero_center(), preprocess_.zero_center()),
                  {ir::InitializerKind::constant, 128, 0});
    ir::State& factor = statistic(
        kFactorState, min_max ? a_value : dims_of(preprocess_.has_divide_by_std(), preprocess_.divide_by_std()),
        {ir::InitializerKind::constant, 1.0 / 64, 0});
    std::vector<ir::Value*> operands = {&bytes_, &center.value, &factor.value};
    const bool decorrelates = preprocess_.decorrelation_case() != proto::Preprocess::DECORRELATION_NOT_SET;
    const bool of_color = decorrelates && whitened_of(preprocess_) == proto::COLOR;
    if (of_color) operands.push_back(&rotation(data_.channels).value);
    ir::Value& image = create<ir::NormalizeImage>({}, operands, "normalize");
    if (!decorrelates || of_color) return &image;

    const int64_t values = data_.channels * data_.height * data_.width;
    ir::Value& flat = create<ir::Reshape>({.dims = {image.type.dims[0], values}}, {&image}, "flat");
    ir::Value& rotated = create<ir::Dense>({}, {&flat, &rotation(values).value}, "decorrelate");
    return preprocess_.has_zca() ? &create<ir::Reshape>({.dims = image.type.dims}, {&rotated}, "zca") : &rotated;
  }

  ir::State& rotation(int64_t values) {
    const int64_t kept = components_of(preprocess_);
    return statistic(kRotationState, {kept == 0 ? values : kept, values},
                     {ir::InitializerKind::normal, 0, 1 / std::sqrt(static_cast<double>(values))});
  }

  ir::State& statistic(std::string_view name, ir::Dims dims, ir::Initializer initializer) {
    ir::Module& module = function_.module();
    if (ir::State* existing = module.find_state(name)) return *existing;
    ir::State& made = module.add_state(std::string(name), {ir::DType::f32, std::move(dims), {}},
                                       ir::StateRole::statistic, initializer);
    made.stream = ir::StreamId{random::stream_id(name)};
    return made;
  }

  template <class Op> ir::Value& create(typename Op::Attributes attributes, const std::vector<ir::Value*>& operands,
                                        std::string_view role) {
    return function_
        .create(ir::info<Op>(), ir::Attributes::of(std::move(attributes)), operands, fmt::format("image.{}", role))
        .result();
  }

  bool check_channels(int count, const std::string& field) {
    if (count == 1 || count == data_.channels) return true;
    error("." + field,
          fmt::format("{} has {} values, but images have {} channel{}", field, count, data_.channels,
                      data_.channels == 1 ? "" : "s"),
          "one value for all channels, or one a channel");
    return false;
  }

  bool check_decorrelation() {
    std::string name;
    switch (preprocess_.decorrelation_case()) {
    case proto::Preprocess::kPca:
      name = "pca";
      break;
    case proto::Preprocess::kPcaWhitening:
      name = "pca_whitening";
      break;
    case proto::Preprocess::kZca:
      name = "zca";
      break;
    case proto::Preprocess::DECORRELATION_NOT_SET:
      return true;
    }
    const bool of_color = whitened_of(preprocess_) == proto::COLOR;
    const int64_t values = of_color ? data_.channels : data_.channels * data_.height * data_.width;
    if (of_color && values == 1) {
      error("." + name, "images have 1 channel: there are no colours to decorrelate", "of: IMAGE");
    } else if (values > kMostDecorrelated) {
      error("." + name,
            fmt::format("the covariance of images of {}x{}x{} = {} values is too large: at most {} values",
                        data_.channels, data_.height, data_.width, values, kMostDecorrelated),
            "of: COLOR decorrelates the channels of each pixel");
    } else if (components_of(preprocess_) > values) {
      error("." + name + ".components",
            fmt::format("components is {}, but there are only {}", components_of(preprocess_), values));
    } else {
      return components_of(preprocess_) >= 0; // which check_experiment has said
    }
    return false;
  }

  void error(const std::string& field, std::string message, std::string hint = {}) {
    diagnostics_.error(ErrorKind::model, loaded_.positions.find("preprocess" + field), std::move(message),
                       std::move(hint));
  }

  const proto::Preprocess& preprocess_;
  const LoadedExperiment& loaded_;
  const DataFacts& data_;
  ir::Function& function_;
  ir::Value& bytes_;
  Diagnostics& diagnostics_;
};

} // namespace

bool takes_statistics(const proto::Preprocess& preprocess) {
  return preprocess.has_zero_center() || preprocess.has_divide_by_std() || preprocess.has_min_max() ||
         preprocess.decorrelation_case() != proto::Preprocess::DECORRELATION_NOT_SET;
}

proto::Whitened whitened_of(const proto::Preprocess& preprocess) {
  return preprocess.has_pca()             ? preprocess.pca().of()
         : preprocess.has_pca_whitening() ? preprocess.pca_whitening().of()
                                          : preprocess.zca().of();
}

int64_t components_of(const proto::Preprocess& preprocess) {
  return preprocess.has_pca()             ? preprocess.pca().components()
         : preprocess.has_pca_whitening() ? preprocess.pca_whitening().components()
                                          : 0;
}

ir::Value* import_preprocess(const LoadedExperiment& loaded, ir::Function& function, ir::Value& bytes,
                             Diagnostics& diagnostics) {
  return PreprocessImport(loaded, function, bytes, diagnostics).run();
}

} // namespace kiln::frontend
