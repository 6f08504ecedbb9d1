// Everything that can be wrong with a resolved experiment before any shape is known, all of it at once.
// Conditions are written so that a NaN fails them.
#include "frontend/check_experiment.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <google/protobuf/message.h>

#include "frontend/check_data.h"
#include "frontend/check_network.h"
#include "frontend/layer_names.h"
#include "frontend/suggest.h"

namespace kiln::frontend {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Far above what anyone can run, far below what overflows when a few are multiplied.
constexpr int64_t kLargestCount = int64_t{1} << 31;

bool is_readable_text(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) return false;
    size_t length = c < 0x80                ? 1
                    : c >= 0xf0 && c < 0xf5 ? 4
                    : c >= 0xe0 && c < 0xf0 ? 3
                    : c >= 0xc2 && c < 0xe0 ? 2
                                            : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    i += length;
  }
  return true;
}

class ExperimentCheck {
public:
  ExperimentCheck(const Positions& positions, Diagnostics& diagnostics)
      : positions_(positions), diagnostics_(diagnostics) {}

  void run(const proto::Experiment& experiment) {
    check_values(experiment, "");
    check_sections(experiment);
    if (experiment.has_network()) check_network(experiment.network(), positions_, diagnostics_);
    if (experiment.has_data()) check_data(experiment.data(), positions_, diagnostics_);
    check_network_inputs(experiment);
    check_preprocess(experiment.preprocess());
    check_augment(experiment.augment());
    if (experiment.has_training()) check_training(experiment.training());
    for (int i = 0; i < experiment.metrics().top_k_size(); ++i) check_top_k(experiment.metrics(), i);
  }

private:
  void error(const std::string& path, std::string message, std::string hint = {}) {
    if (!faulty_.contains(path))
      diagnostics_.error(ErrorKind::model, positions_.find(path), std::move(message), std::move(hint));
  }

  // `field` of the message at `path` must be given; said only if nothing there was misspelt.
  void require(bool given, const std::string& path, std::string_view field, std::string hint = {}) {
    if (given || positions_.is_damaged(path)) return;
    std::string owner = path.substr(path.rfind('.') + 1);
    error(path, path.empty() ? fmt::format("there is no {}", field) : fmt::format("{} has no {}", owner, field),
          std::move(hint));
  }

  // Numbers must be finite and strings readable, wherever they stand.
  void check_values(const Message& message, const std::string& path) {
    const auto& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      std::string own = path.empty() ? field->name() : path + "." + field->name();
      int size = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
      for (int i = 0; i < size; ++i)
        check_value(message, *field, i, field->is_repeated() ? fmt::format("{}[{}]", own, i) : own);
    }
  }

  void check_value(const Message& message, const FieldDescriptor& field, int i, const std::string& path) {
    const auto& reflection = *message.GetReflection();
    bool repeated = field.is_repeated();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      check_values(
          repeated ? reflection.GetRepeatedMessage(message, &field, i) : reflection.GetMessage(message, &field), path);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
      double value =
          repeated ? reflection.GetRepeatedDouble(message, &field, i) : reflection.GetDouble(message, &field);
      if (std::isfinite(value) && std::abs(value) <= 1e30) return;
      error(path, fmt::format("{} is {}: it must be a finite number within +-1e30", field.name(), value));
      faulty_.insert(path);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      std::string text =
          repeated ? reflection.GetRepeatedString(message, &field, i) : reflection.GetString(message, &field);
      if (is_readable_text(text)) return;
      error(path, fmt::format("{} is not readable text", field.name()), "UTF-8 without control characters");
      faulty_.insert(path);
    }
  }

  void check_sections(const proto::Experiment& experiment) {
    require(experiment.has_network(), "", "network section", "network { layer { ... } layer { ... } }");
    require(experiment.has_data(), "", "data section", "data { idx { train_images: \"...\" ... } }");
    require(experiment.has_training(), "", "training section",
            "training { batch: 64 epochs: 5 sgd { momentum: 0.9 } learning_rate { start: 0.01 } }");
    if (!is_good_name(experiment.name()) || experiment.name().find('/') != std::string::npos)
      error("name", "not a name for an experiment", "use letters, digits and _ - . (at most 200)");
  }

  void check_network_inputs(const proto::Experiment& experiment) {
    const proto::Network& network = experiment.network();
    switch (experiment.data().source_case()) {
    case proto::Data::kIdx:
      return refuse_network_inputs(network, "idx gives", "it holds");
    case proto::Data::kFolder:
      return refuse_network_inputs(network, "folder gives", "it holds");
    case proto::Data::kCifar:
      return refuse_network_inputs(network, "cifar gives", "it holds");
    case proto::Data::kList:
      return refuse_network_inputs(network, "list gives", "it names");
    case proto::Data::kNpz:
      if (experiment.data().npz().has_train()) check_arrays("train", experiment.data().npz().train(), network);
      if (experiment.data().npz().has_validation())
        check_arrays("validation", experiment.data().npz().validation(), network);
      if (experiment.data().npz().has_test()) check_arrays("test", experiment.data().npz().test(), network);
      return;
    case proto::Data::kSynthetic: // makes up what is wanted
    case proto::Data::SOURCE_NOT_SET:
      return;
    }
  }

  void refuse_network_inputs(const proto::Network& network, std::string_view gives, std::string_view holds) {
    for (int i = 0; i < network.input_size(); ++i)
      error(fmt::format("network.input[{}]", i),
            fmt::format("{} no \"{}\": {} images and labels", gives, network.input(i).name(), holds),
            "npz can; and without a source, image { height: 28 }, the network can be checked and timed");
  }

  // An array for each input, and none for what is no input.
  void check_arrays(std::string_view split, const proto::NpzPart& part, const proto::Network& network) {
    const std::string path = fmt::format("data.npz.{}", split);
    std::vector<std::string> wanted;
    for (const proto::NetworkInput& input : network.input()) {
      wanted.push_back(input.name());
      const bool is_given = std::any_of(part.input().begin(), part.input().end(),
                                        [&](const proto::NpzInput& given) { return given.name() == input.name(); });
      if (!is_given)
        error(path, fmt::format("no array is named for the network's input \"{}\"", input.name()),
              fmt::format("input {{ name: \"{}\" array: \"{}.npy\" }}", input.name(), input.name()));
    }
    std::set<std::string> seen;
    for (int i = 0; i < part.input_size(); ++i) {
      const proto::NpzInput& input = part.input(i);
      const std::string place = fmt::format("{}.input[{}]", path, i);
      if (std::find(wanted.begin(), wanted.end(), input.name()) == wanted.end())
        error(place, fmt::format("the network has no input \"{}\"", input.name()), suggestion(input.name(), wanted));
      else if (!seen.insert(input.name()).second)
        error(place, fmt::format("a second array for the input \"{}\"", input.name()));
      else if (input.array().empty())
        error(place, fmt::format("no array is named for the network's input \"{}\"", input.name()),
              fmt::format("array: \"{}.npy\"", input.name()));
    }
  }

  void check_top_k(const proto::Metrics& metrics, int i) {
    const std::string path = fmt::format("metrics.top_k[{}]", i);
    check_count(path, "top_k", metrics.top_k(i));
    for (int before = 0; before < i; ++before)
      if (metrics.top_k(before) == metrics.top_k(i)) error(path, fmt::format("top_k has {} twice", metrics.top_k(i)));
  }

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

  void check_augment(const proto::Augment& augment) {
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
      if (crop.size().empty() && crop.padding() == 0)
        error(path, "random_crop has neither size nor padding: nothing would be cut off", "for example padding: 4");
    }
    if (augment.has_flip()) check_within("augment.flip", "probability", augment.flip().probability(), 1);
    check_colors(augment);
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

  void check_colors(const proto::Augment& augment) {
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

  void check_within(const std::string& path, const std::string& name, double value, double most) {
    if (!(value >= 0 && value <= most))
      error(path + "." + name, fmt::format("{} is {}: it must lie between 0 and {}", name, value, most));
  }

  using Numbers = google::protobuf::RepeatedField<double>;

  static bool all_one(const Numbers& values) {
    return std::all_of(values.begin(), values.end(), [](double value) { return value == 1; });
  }

  void check_factors(const Numbers& range, const std::string& path, std::string_view name, double least = 0.01,
                     double most = 100) {
    if (range.size() > 2) {
      error(path, fmt::format("{} has {} values: it takes one or two, the range to draw from", name, range.size()));
      return;
    }
    for (double value : range)
      if (!(value >= least && value <= most)) {
        error(path, fmt::format("{} is {}: it must lie between {} and {}", name, value, least, most));
        return; // one value stands for both
      }
    if (range[0] > range[1])
      error(path, fmt::format("{} goes from {} down to {}", name, range[0], range[1]), "the lower bound comes first");
  }

  void check_fill(const google::protobuf::RepeatedField<int64_t>& fill, proto::Border border, const std::string& path) {
    for (int64_t value : fill)
      if (value < 0 || value > 255) error(path, fmt::format("fill is {}: it must lie between 0 and 255", value));
    if (!fill.empty() && border != proto::FILL)
      error(path, fmt::format("fill has no effect with border: {}", proto::Border_Name(border)), "leave it out");
  }

  void check_count(const std::string& path, std::string_view name, int64_t value, int64_t least = 1) {
    if (value < least) error(path, fmt::format("{} is {}: it must be at least {}", name, value, least));
    if (value > kLargestCount) error(path, fmt::format("{} is {}: it must be at most {}", name, value, kLargestCount));
  }

  void check_training(const proto::Training& training) {
    require(training.has_batch(), "training", "batch", "batch: 64");
    require(training.has_epochs(), "training", "epochs", "epochs: 5");
    if (training.has_batch()) check_count("training.batch", "batch", training.batch());
    if (training.has_epochs()) check_count("training.epochs", "epochs", training.epochs());
    if (training.has_evaluation_batch() && training.evaluation_batch() != training.batch())
      check_count("training.evaluation_batch", "evaluation_batch", training.evaluation_batch());
    check_count("training.checkpoint_every_steps", "checkpoint_every_steps", training.checkpoint_every_steps(), 0);
    check_count("training.evaluate_every_epochs", "evaluate_every_epochs", training.evaluate_every_epochs(), 0);
    check_count("training.health.every_steps", "every_steps", training.health().every_steps(), 0);
    switch (training.optimizer_case()) {
    case proto::Training::kSgd:
      check_share("training.sgd", "momentum", training.sgd().momentum());
      check_weight_decay("training.sgd", training.sgd());
      break;
    case proto::Training::kAdagrad:
      check_scaled_optimizer("training.adagrad", training.adagrad());
      break;
    case proto::Training::kRmsprop:
      check_share("training.rmsprop", "decay", training.rmsprop().decay());
      check_share("training.rmsprop", "momentum", training.rmsprop().momentum());
      check_scaled_optimizer("training.rmsprop", training.rmsprop());
      break;
    case proto::Training::kAdadelta:
      check_share("training.adadelta", "decay", training.adadelta().decay());
      check_scaled_optimizer("training.adadelta", training.adadelta());
      break;
    case proto::Training::kAdam:
      check_adam("training.adam", training.adam());
      break;
    case proto::Training::kAdamw:
      check_adam("training.adamw", training.adamw());
      break;
    case proto::Training::OPTIMIZER_NOT_SET:
      require(false, "training", "optimizer", "for example sgd { momentum: 0.9 }");
      break;
    }
    check_rate(training.learning_rate());
  }

  void check_share(const std::string& path, std::string_view name, double value) {
    if (!(value >= 0 && value < 1))
      error(fmt::format("{}.{}", path, name), fmt::format("{} is {}: it must be at least 0 and below 1", name, value));
  }

  template <class Optimizer> void check_weight_decay(const std::string& path, const Optimizer& optimizer) {
    if (!(optimizer.weight_decay() >= 0 && std::isfinite(optimizer.weight_decay())))
      error(path + ".weight_decay", fmt::format("weight_decay is {}: it must {}", optimizer.weight_decay(),
                                                optimizer.weight_decay() < 0 ? "not be negative" : "be finite"));
  }

  // One that divides by the size of gradients.
  template <class Optimizer> void check_scaled_optimizer(const std::string& path, const Optimizer& optimizer) {
    if (!(optimizer.epsilon() >= 1e-30 && optimizer.epsilon() <= 1e30))
      error(path + ".epsilon", fmt::format("epsilon is {}: it must lie between 1e-30 and 1e30", optimizer.epsilon()));
    check_weight_decay(path, optimizer);
  }

  template <class Optimizer> void check_adam(const std::string& path, const Optimizer& adam) {
    check_share(path, "beta1", adam.beta1());
    check_share(path, "beta2", adam.beta2());
    check_scaled_optimizer(path, adam);
  }

  void check_rate(const proto::LearningRate& rate) {
    const std::string path = "training.learning_rate";
    bool in_steps = rate.unit() == proto::STEP;
    if (!(rate.start() > 0)) error(path + ".start", fmt::format("start is {}: it must be above 0", rate.start()));
    if (!(rate.warmup() >= 0))
      error(path + ".warmup", fmt::format("warmup is {}: it must not be negative", rate.warmup()));
    else
      check_whole(path + ".warmup", "warmup", rate.warmup(), in_steps);

    switch (rate.schedule_case()) {
    case proto::LearningRate::kFixed:
    case proto::LearningRate::SCHEDULE_NOT_SET:
      break;
    case proto::LearningRate::kStep:
      require(rate.step().has_every(), path + ".step", "every", in_steps ? "every: 10000" : "every: 2");
      if (rate.step().has_every()) check_above_zero(path + ".step.every", "every", rate.step().every());
      if (rate.step().has_every()) check_whole(path + ".step.every", "every", rate.step().every(), in_steps);
      check_above_zero(path + ".step.gamma", "gamma", rate.step().gamma());
      break;
    case proto::LearningRate::kMultistep:
      check_milestones(rate.multistep(), path + ".multistep", in_steps);
      check_above_zero(path + ".multistep.gamma", "gamma", rate.multistep().gamma());
      break;
    case proto::LearningRate::kExp:
      require(rate.exp().has_gamma(), path + ".exp", "gamma");
      if (rate.exp().has_gamma()) check_above_zero(path + ".exp.gamma", "gamma", rate.exp().gamma());
      break;
    case proto::LearningRate::kInv:
      require(rate.inv().has_gamma(), path + ".inv", "gamma");
      require(rate.inv().has_power(), path + ".inv", "power");
      if (rate.inv().has_gamma()) check_above_zero(path + ".inv.gamma", "gamma", rate.inv().gamma());
      if (rate.inv().has_power()) check_above_zero(path + ".inv.power", "power", rate.inv().power());
      break;
    case proto::LearningRate::kPoly:
      check_above_zero(path + ".poly.power", "power", rate.poly().power());
      break;
    case proto::LearningRate::kCosine:
      if (!(rate.cosine().floor() >= 0 && rate.cosine().floor() <= rate.start()))
        error(path + ".cosine.floor",
              fmt::format("floor is {}: it must lie between 0 and start, {}", rate.cosine().floor(), rate.start()));
      break;
    }
  }

  void check_milestones(const proto::Multistep& multistep, const std::string& path, bool in_steps) {
    require(!multistep.milestone().empty(), path, "milestone",
            in_steps ? "milestone: [5000, 8000]" : "milestone: [3, 4]");
    for (int i = 0; i < multistep.milestone_size(); ++i) {
      std::string own = fmt::format("{}.milestone[{}]", path, i);
      double value = multistep.milestone(i);
      double before = i == 0 ? 0 : multistep.milestone(i - 1);
      if (!(value > before))
        error(own, i == 0 ? fmt::format("the first milestone is {}: it must be above 0", value)
                          : fmt::format("milestone {} comes after {}: they must rise", value, before));
      else
        check_whole(own, "milestone", value, in_steps);
    }
  }

  void check_above_zero(const std::string& path, std::string_view name, double value) {
    if (!(value > 0)) error(path, fmt::format("{} is {}: it must be above 0", name, value));
  }

  void check_whole(const std::string& path, std::string_view name, double value, bool in_steps) {
    if (!(std::abs(value) <= static_cast<double>(kLargestCount)))
      error(path, fmt::format("{} is {}: it must be at most {}", name, value, kLargestCount));
    else if (in_steps && value != std::floor(value))
      error(path, fmt::format("{} is {}: steps are whole", name, value), "unit: EPOCH allows fractions");
  }

  const Positions& positions_;
  Diagnostics& diagnostics_;
  std::set<std::string> faulty_; // paths already reported as such
};

} // namespace

void check_experiment(const proto::Experiment& resolved, const Positions& positions, Diagnostics& diagnostics) {
  ExperimentCheck(positions, diagnostics).run(resolved);
}

} // namespace kiln::frontend
