// Everything that can be wrong with the data section before any file is looked at.
#include "frontend/check_data.h"

#include <set>

#include <fmt/format.h>

namespace kiln::frontend {
namespace {

// Far above what anyone can run, far below what overflows when a few are multiplied.
constexpr int64_t kLargestCount = int64_t{1} << 31;
constexpr int64_t kLargestCache = int64_t{1} << 30; // MB

class DataCheck {
public:
  DataCheck(const proto::Data& data, const Positions& positions, Diagnostics& diagnostics)
      : data_(data), positions_(positions), diagnostics_(diagnostics) {}

  void run() {
    bool has_source = data_.source_case() != proto::Data::SOURCE_NOT_SET;
    require(has_source || data_.has_image(), "data", "source",
            "idx { ... }, or image { height: 28 } to check and time without data");
    check_source();
    check_image();
    check_class_names();
    if (data_.has_resize()) check_resize(data_.resize());
    check_colour("data.background", "background", data_.background(), 3);
    check_split();
    check_range("data.cache_mb", "cache_mb", data_.cache_mb(), 0, kLargestCache);
  }

private:
  void error(const std::string& path, std::string message, std::string hint = {}) {
    diagnostics_.error(ErrorKind::model, positions_.find(path), std::move(message), std::move(hint));
  }

  // `field` of the message at `path` must be given; said only if nothing there was misspelt.
  void require(bool given, const std::string& path, std::string_view field, std::string hint = {}) {
    if (given || positions_.is_damaged(path)) return;
    error(path, fmt::format("{} has no {}", path.substr(path.rfind('.') + 1), field), std::move(hint));
  }

  void check_range(const std::string& path, std::string_view name, int64_t value, int64_t least, int64_t most) {
    if (value < least) error(path, fmt::format("{} is {}: it must be at least {}", name, value, least));
    if (value > most) error(path, fmt::format("{} is {}: it must be at most {}", name, value, most));
  }

  void check_source() {
    switch (data_.source_case()) {
    case proto::Data::kIdx:
      require(!data_.idx().train_images().empty(), "data.idx", "train_images");
      require(!data_.idx().train_labels().empty(), "data.idx", "train_labels");
      require(!data_.idx().test_images().empty(), "data.idx", "test_images");
      require(!data_.idx().test_labels().empty(), "data.idx", "test_labels");
      break;
    case proto::Data::kSynthetic:
      require(data_.has_image(), "data", "image", "image { channels: 3 height: 32 }");
      if (data_.synthetic().has_classes())
        check_range("data.synthetic.classes", "classes", data_.synthetic().classes(), 2, int64_t{1} << 31);
      check_range("data.synthetic.train_samples", "train_samples", data_.synthetic().train_samples(), 1,
                  int64_t{1} << 40);
      check_range("data.synthetic.test_samples", "test_samples", data_.synthetic().test_samples(), 0, int64_t{1} << 40);
      break;
    case proto::Data::kFolder:
      require(!data_.folder().train().empty(), "data.folder", "train", "train: \"photos/train\"");
      break;
    case proto::Data::kList:
      require(!data_.list().train().empty(), "data.list", "train", "train: \"train.csv\"");
      break;
    case proto::Data::kCifar:
      require(!data_.cifar().folder().empty() || !data_.cifar().train().empty(), "data.cifar", "folder",
              "folder: \"cifar-10-batches-bin\", or train: [\"data_batch_1.bin\"] test: [\"test_batch.bin\"]");
      break;
    case proto::Data::kNpz:
      require(data_.npz().has_train(), "data.npz", "train", "train { file: \"train.npz\" }");
      if (data_.npz().has_train()) check_part("data.npz.train", data_.npz().train());
      if (data_.npz().has_validation()) check_part("data.npz.validation", data_.npz().validation());
      if (data_.npz().has_test()) check_part("data.npz.test", data_.npz().test());
      break;
    case proto::Data::SOURCE_NOT_SET:
      break;
    }
  }

  void check_part(const std::string& path, const proto::NpzPart& part) {
    if (!part.file().empty()) return;
    require(!part.image().empty() && !part.label().empty(), path, "file",
            "file: \"train.npz\", or an .npy file each: image: \"x.npy\" label: \"y.npy\"");
  }

  void check_image() {
    const proto::Image& image = data_.image();
    if (is_of_image_files(data_))
      require(data_.has_image(), "data", "image",
              "files may be of any size; say which the network sees: image { height: 224 }");
    if (!data_.has_image()) return;
    require(image.has_height(), "data.image", "height");
    check_range("data.image.channels", "channels", image.channels(), 1, kLargestCount);
    if (image.has_height()) check_range("data.image.height", "height", image.height(), 1, kLargestCount);
    if (image.has_width()) check_range("data.image.width", "width", image.width(), 1, kLargestCount);
    if (is_of_image_files(data_) && image.channels() != 1 && image.channels() != 3)
      error("data.image.channels",
            fmt::format("channels is {}: files of images have 1 (grey) or 3 (colour)", image.channels()));
  }

  void check_class_names() {
    std::set<std::string> seen;
    for (int i = 0; i < data_.class_name_size(); ++i) {
      const std::string& name = data_.class_name(i);
      std::string path = fmt::format("data.class_name[{}]", i);
      if (name.empty())
        error(path, fmt::format("class {} has an empty name", i));
      else if (!seen.insert(name).second)
        error(path, fmt::format("two classes are named \"{}\"", name));
    }
  }

  void check_resize(const proto::Resize& resize) {
    const proto::Image& image = data_.image();
    check_colour("data.resize.fill", "fill", resize.fill(), image.channels());
    if (!data_.has_image() && !is_of_image_files(data_))
      error("data.resize", "resize has no size to aim at", "image { height: 32 }");
    if (!resize.has_shorter_side()) return;
    if (resize.rule() != proto::Resize::SHORTER_SIDE)
      error("data.resize.shorter_side", "shorter_side means nothing to this rule", "rule: SHORTER_SIDE");
    int64_t least = std::max(image.height(), image.width());
    check_range("data.resize.shorter_side", "shorter_side", resize.shorter_side(), std::max<int64_t>(least, 1),
                kLargestCount);
  }

  template <class Values>
  void check_colour(const std::string& path, std::string_view name, const Values& values, int64_t channels) {
    for (int i = 0; i < values.size(); ++i) check_range(fmt::format("{}[{}]", path, i), name, values[i], 0, 255);
    if (values.size() > 1 && values.size() != channels)
      error(path + "[0]", fmt::format("{} has {} values: expected 1 or {}", name, values.size(), channels));
  }

  bool source_has(std::string_view split) const {
    const bool is_test = split == "test";
    switch (data_.source_case()) {
    case proto::Data::kIdx:
      return is_test;
    case proto::Data::kSynthetic:
      return is_test && data_.synthetic().test_samples() > 0;
    case proto::Data::kFolder:
      return !(is_test ? data_.folder().test() : data_.folder().validation()).empty();
    case proto::Data::kList:
      return !(is_test ? data_.list().test() : data_.list().validation()).empty();
    case proto::Data::kCifar:
      return is_test && (!data_.cifar().folder().empty() || !data_.cifar().test().empty());
    case proto::Data::kNpz:
      return is_test ? data_.npz().has_test() : data_.npz().has_validation();
    case proto::Data::SOURCE_NOT_SET:
      return false;
    }
    return false;
  }

  void check_split() {
    if (!data_.has_split()) return;
    const proto::DataSplit& split = data_.split();
    for (auto [name, share] : {std::pair("validation", split.validation()), std::pair("test", split.test())}) {
      const std::string path = fmt::format("data.split.{}", name);
      if (!(share >= 0 && share < 1))
        error(path, fmt::format("{} is {}: a share is at least 0 and below 1", name, share));
      else if (share > 0 && source_has(name))
        error(path, fmt::format("the source has a {} split already", name));
    }
    if (split.validation() >= 0 && split.test() >= 0 && split.validation() < 1 && split.test() < 1 &&
        split.validation() + split.test() >= 1)
      error("data.split", fmt::format("validation and test take {} of the data: nothing is left to train on",
                                      split.validation() + split.test()));
  }

  const proto::Data& data_;
  const Positions& positions_;
  Diagnostics& diagnostics_;
};

} // namespace

bool is_of_image_files(const proto::Data& data) { return data.has_folder() || data.has_list(); }

void check_data(const proto::Data& resolved, const Positions& positions, Diagnostics& diagnostics) {
  DataCheck(resolved, positions, diagnostics).run();
}

} // namespace kiln::frontend
