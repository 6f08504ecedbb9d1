// A first experiment for data that were found. What is chosen, and by which rule, is said in its comments.
#include "compose_experiment.h"

#include "frontend/render.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::tools {

namespace {

using runtime::Split;

constexpr int64_t kSmallImage = 64;   // up to here the network takes images as they are
constexpr int64_t kLongAspect = 2;    // beyond, cutting out the middle would lose too much
constexpr int64_t kLastMap = 8;       // where the stages end
constexpr int64_t kMostFilters = 128; // of a stage
constexpr double kValidationShare = 0.1;
constexpr double kTestShare = 0.15;

// A comment, in lines of the usual length.
std::string comment(std::string_view text, std::string_view indent = "") {
  constexpr size_t longest = 118;
  std::string result;
  while (!text.empty()) {
    size_t end = longest - indent.size();
    end = text.size() <= end ? text.size() : text.rfind(' ', end);
    if (end == std::string_view::npos) end = std::min(text.find(' '), text.size());
    result += fmt::format("{}# {}\n", indent, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

struct ImagePlan {
  int64_t channels = 3;
  int64_t height = 0, width = 0; // of what the network takes
  bool is_resized = false;
  bool is_letterboxed = false;
  int64_t margin = 0; // resized images are larger by this, and cut to size at random

  bool says_image(const FoundData& found) const { return found.is_of_files || is_resized; }
};

ImagePlan plan_image(const FoundData& found) {
  ImagePlan plan;
  plan.channels = found.is_grey ? 1 : found.is_of_files ? 3 : found.most.channels;
  const int64_t longest = std::max(found.most.height, found.most.width);
  if (found.are_alike() && longest <= kSmallImage) {
    plan.height = found.most.height;
    plan.width = found.most.width;
    return plan;
  }
  plan.is_resized = true;
  plan.is_letterboxed = found.middle_aspect > kLongAspect;
  int64_t side = std::max<int64_t>(found.middle_side / 4 * 4, 4);
  for (int64_t usual : {32, 48, 64})
    if (found.middle_side >= usual) side = usual;
  plan.height = plan.width = std::min(side, kSmallImage);
  if (!plan.is_letterboxed) plan.margin = plan.height / 8;
  return plan;
}

struct Classes {
  int64_t with_enough = 0, with_few = 0; // samples for each split to get one
};

Classes count_classes(const FoundData& found) {
  Classes classes;
  for (int64_t count : found.class_counts)
    if (count > 0) ++(count < kFewForSplit ? classes.with_few : classes.with_enough);
  return classes;
}

struct SplitPlan {
  double validation = 0, test = 0;
  int64_t train_samples = 0; // about
};

SplitPlan plan_split(const FoundData& found) {
  SplitPlan plan;
  plan.train_samples = found.samples[Split::train];
  const Classes classes = count_classes(found);
  if (classes.with_enough < 2 || classes.with_enough < classes.with_few) return plan;
  if (found.samples[Split::validation] == 0) plan.validation = kValidationShare;
  if (found.samples[Split::test] == 0) plan.test = kTestShare;
  const auto share = 1 - plan.validation - plan.test;
  plan.train_samples = static_cast<int64_t>(static_cast<double>(found.samples[Split::train]) * share);
  // Of small classes at least one sample each goes, which is more than the share.
  const int64_t splits = (plan.validation > 0 ? 1 : 0) + (plan.test > 0 ? 1 : 0);
  plan.train_samples = std::min(plan.train_samples, found.samples[Split::train] - splits * classes.with_enough);
  return plan;
}

std::string write_network(const FoundData& found, const ImagePlan& image) {
  std::string text = comment(
      "Each stage looks for more patterns, in a map of half the height and width of the one before. More filters, or "
      "a second convolution a stage, learn more and take longer: `kiln check` says how much.");
  text += "network {\n";
  int64_t height = image.height, width = image.width;
  // Wide maps are where time goes, so large images begin with fewer.
  int64_t filters = std::max(height, width) > 32 ? 16 : 32;
  for (int stage = 1;; ++stage) {
    text += fmt::format("  # Stage {}: {}x{}\n"
                        "  layer {{ convolution {{ filters: {} kernel: 3 padding: 1 bias: false }} }}\n"
                        "  layer {{ batch_norm {{}} }}\n"
                        "  layer {{ relu {{}} }}\n",
                        stage, height, width, filters);
    if (std::min(height, width) < kLastMap || std::max(height, width) <= kLastMap) break;
    text += "  layer { max_pool { kernel: 2 } }\n";
    height /= 2;
    width /= 2;
    filters = std::min(2 * filters, kMostFilters);
  }
  text += comment(fmt::format("The mean of each map, whatever its place; then an output for each of the {} classes.",
                              found.class_counts.size()),
                  "  ");
  return text + fmt::format("  layer {{ global_average_pool {{}} }}\n"
                            "  layer {{ flatten {{}} }}\n"
                            "  layer {{ dropout {{ drop: 0.2 }} }}\n"
                            "  layer {{ dense {{ units: {} }} }}\n"
                            "  layer {{ softmax_cross_entropy {{}} }}\n}}\n",
                            found.class_counts.size());
}

// Relative to the experiment's folder; what was given as an absolute path stays one.
std::string place_path(const std::string& path, const std::string& folder) {
  namespace fs = std::filesystem;
  if (path.empty() || fs::path(path).is_absolute()) return path;
  std::error_code problem;
  const fs::path from = fs::weakly_canonical(folder.empty() ? "." : folder, problem);
  const fs::path to = fs::weakly_canonical(path, problem);
  return problem ? fs::absolute(path, problem).string() : to.lexically_proximate(from).string();
}

void place_part(proto::NpzPart& part, const std::string& folder) {
  if (part.has_file()) {
    part.set_file(place_path(part.file(), folder));
    return;
  }
  part.set_image(place_path(part.image(), folder));
  part.set_label(place_path(part.label(), folder));
}

template <class Splits> void place_splits(Splits& splits, const std::string& folder) {
  splits.set_train(place_path(splits.train(), folder));
  if (splits.has_validation()) splits.set_validation(place_path(splits.validation(), folder));
  if (splits.has_test()) splits.set_test(place_path(splits.test(), folder));
}

void place_source(proto::Data& data, const std::string& folder) {
  switch (data.source_case()) {
  case proto::Data::kIdx: {
    proto::Idx& idx = *data.mutable_idx();
    for (std::string* path :
         {idx.mutable_train_images(), idx.mutable_train_labels(), idx.mutable_test_images(), idx.mutable_test_labels()})
      *path = place_path(*path, folder);
    break;
  }
  case proto::Data::kFolder:
    place_splits(*data.mutable_folder(), folder);
    break;
  case proto::Data::kCifar:
    data.mutable_cifar()->set_folder(place_path(data.cifar().folder(), folder));
    break;
  case proto::Data::kList:
    place_splits(*data.mutable_list(), folder);
    break;
  case proto::Data::kNpz:
    place_part(*data.mutable_npz()->mutable_train(), folder);
    if (data.npz().has_validation()) place_part(*data.mutable_npz()->mutable_validation(), folder);
    if (data.npz().has_test()) place_part(*data.mutable_npz()->mutable_test(), folder);
    break;
  case proto::Data::kSynthetic: // has no paths
  case proto::Data::SOURCE_NOT_SET:
    break;
  }
}

std::string write_image(const FoundData& found, const ImagePlan& image) {
  std::string text;
  if (image.is_resized)
    text += comment(
        fmt::format("The images are {} (height x width). A larger size here shows the network more, and takes longer.",
                    describe_sizes(found)),
        "  ");
  if (image.says_image(found))
    text += fmt::format("  image {{ channels: {} height: {} width: {} }}\n", image.channels,
                        image.height + image.margin, image.width + image.margin);
  if (image.is_letterboxed)
    text +=
        comment(
            "They are long: all of each is kept, with borders of one colour. SHORTER_SIDE would cut out the middle.",
            "  ") +
        "  resize { rule: LETTERBOX }\n";
  else if (image.is_resized)
    text +=
        comment("The shorter side becomes this long, and the middle is taken. LETTERBOX would keep all of each image.",
                "  ") +
        "  resize { rule: SHORTER_SIDE }\n";
  return text;
}

std::string write_split(const FoundData& found, const SplitPlan& split) {
  if (split.validation == 0 && split.test == 0) {
    if (found.samples[Split::test] > 0) return {};
    return comment(
        "The classes have too few samples to keep some for tests. With more: split { validation: 0.1 test: 0.15 }",
        "  ");
  }
  std::string text =
      comment(split.test > 0 ? "Of each class a part is kept from training: to watch it by, and to judge the "
                               "result by (kiln test)."
                             : "Of each class a part is kept from training, to watch it by.",
              "  ");
  text += "  split {";
  if (split.validation > 0) text += fmt::format(" validation: {}", split.validation);
  if (split.test > 0) text += fmt::format(" test: {}", split.test);
  return text + " }\n";
}

std::string write_data(const FoundData& found, const ImagePlan& image, const SplitPlan& split,
                       const std::string& folder) {
  proto::Experiment experiment;
  *experiment.mutable_data() = found.data;
  place_source(*experiment.mutable_data(), folder);
  std::string text = frontend::render(experiment);
  text.erase(text.rfind('}')); // that of data; more follows
  text += write_image(found, image) + write_split(found, split);
  if (found.is_of_files)
    text +=
        found.unreadable > 0
            ? comment("Some files cannot be read: they are left out, counted and listed. FAIL would end the run.",
                      "  ") +
                  "  on_bad_record: SKIP\n"
            : comment("A file that cannot be read ends the run. With SKIP it is left out, counted and listed.", "  ") +
                  "  on_bad_record: FAIL\n";
  return text + "}\n";
}

std::string write_augment(const ImagePlan& image) {
  const bool is_grey = image.channels == 1;
  std::string text =
      comment("Training images are changed a little, each time differently. `kiln show FILE --augment 8` shows how.");
  text += "augment {\n";
  if (image.margin > 0)
    text += comment(fmt::format("Cut out of the {}x{} of image above; tests take the middle.",
                                image.height + image.margin, image.width + image.margin),
                    "  ") +
            fmt::format("  random_crop {{ size: {} }}\n", image.height);
  else
    text += comment("Moved by up to so many pixels.", "  ") +
            fmt::format("  random_crop {{ padding: {} border: {} }}\n",
                        std::max<int64_t>(std::min(image.height, image.width) / 8, 1), is_grey ? "EDGE" : "REFLECT");
  text += is_grey
              ? comment("For images that mean the same mirrored, unlike digits and letters:", "  ") + "  # flip {}\n"
              : comment("Left and right change places. Leave it out where that matters, as in writing.", "  ") +
                    "  flip {}\n";
  return text + "}\n";
}

const char* watched_split(const FoundData& found, const SplitPlan& split) {
  if (found.samples[Split::validation] > 0 || split.validation > 0) return "validation";
  return found.samples[Split::test] > 0 || split.test > 0 ? "test" : nullptr;
}

std::string write_training(const FoundData& found, const SplitPlan& split) {
  const int64_t samples = std::max<int64_t>(split.train_samples, 1);
  // Some steps an epoch even of few images; but batch norm wants some samples in each.
  constexpr int64_t most_in_batch = 64, least_in_batch = 8, least_steps = 8;
  const auto shared = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(samples / least_steps)));
  const int64_t batch = std::min(std::clamp(shared, least_in_batch, most_in_batch), samples);
  const int64_t steps = samples / batch;
  constexpr int64_t wanted_steps = 3000, least_epochs = 10, most_epochs = 60;
  const int64_t epochs = std::clamp(wanted_steps / steps, least_epochs, most_epochs);
  const char* watched = watched_split(found, split);
  std::string text = fmt::format("About {} step{} an epoch", steps, steps == 1 ? "" : "s");
  if (watched != nullptr) text += fmt::format(", after each of which the {} images are tried", watched);
  text += ". The rate rises in the first epoch, then falls along a cosine. If the loss does not fall, or becomes nan, "
          "try a "
          "rate of 0.01; if it still falls at the end, more epochs.";
  return comment(text) + fmt::format("training {{\n"
                                     "  batch: {}\n"
                                     "  epochs: {}\n"
                                     "  sgd {{ momentum: 0.9 weight_decay: 0.0005 }}\n"
                                     "  learning_rate {{ start: 0.05 warmup: 1 cosine {{}} }}\n}}\n",
                                     batch, epochs);
}

} // namespace

std::string describe_classes(const FoundData& found) {
  constexpr size_t most_shown = 12;
  std::string text = fmt::format("{} classes", found.class_counts.size());
  if (found.class_names.empty()) return text;
  const auto first = found.class_names.begin();
  const size_t shown = std::min(found.class_names.size(), most_shown);
  return text + fmt::format(" ({}{})", fmt::join(first, first + static_cast<std::ptrdiff_t>(shown), ", "),
                            shown < found.class_names.size() ? ", ..." : "");
}

std::string describe_sizes(const FoundData& found) {
  const std::string least = fmt::format("{}x{}", found.least.height, found.least.width);
  return found.are_alike() ? least : fmt::format("{} to {}x{}", least, found.most.height, found.most.width);
}

std::string compose_experiment(const FoundData& found, const std::string& name, const std::string& folder,
                               const std::string& opening) {
  const ImagePlan image = plan_image(found);
  const SplitPlan split = plan_split(found);
  std::string text = comment(opening);
  text += comment("`kiln render FILE` prints it with every field that can be said, at its default.");
  text += fmt::format("name: \"{}\"\n\n", name);
  text += write_data(found, image, split, folder) + "\n";
  text += comment("Of each channel the training images' mean becomes 0 and their standard deviation 1; `kiln train` "
                  "measures them.");
  text += "preprocess { zero_center: CHANNEL divide_by_std: CHANNEL }\n\n";
  text += write_augment(image) + "\n";
  text += write_network(found, image) + "\n";
  return text + write_training(found, split);
}

} // namespace kiln::tools
