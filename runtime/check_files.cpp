// What is wrong with the files of a data set, each looked at by itself: for those who want all of it at once, where
// opening the data stops at the first.
#include "runtime/check_files.h"

#include "runtime/error.h"
#include "runtime/folder_reader.h"
#include "runtime/idx_reader.h"
#include "runtime/npy_reader.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <functional>
#include <optional>

namespace kiln::runtime {
namespace {

class FileCheck {
public:
  explicit FileCheck(FileDepth depth) : whole_(depth == FileDepth::whole) {}

  std::vector<FileProblem> check(const DataDescription& description) {
    for (Split split : all_splits) {
      split_ = split;
      std::visit([this](const auto& source) { check_split(source); }, description.source);
    }
    return std::move(problems_);
  }

private:
  void check_split(const std::monostate&) {}

  void check_split(const IdxData& idx) {
    const std::string name = name_of(split_), images_field = name + "_images", labels_field = name + "_labels";
    const std::string &images = idx.images[split_], &labels = idx.labels[split_];
    std::optional<int64_t> image_count, label_count;
    look(images, images_field,
         [&] { image_count = whole_ ? read_idx_images(images).count : survey_idx_images(images).count; });
    look(labels, labels_field, [&] {
      label_count = whole_ ? static_cast<int64_t>(read_idx_labels(labels).size()) : count_idx_labels(labels);
    });
    if (image_count && label_count && *image_count != *label_count)
      tell(labels_field,
           labels + ": " + format_integer(*label_count) + " labels for " + format_integer(*image_count) + " images");
  }

  void check_split(const FolderData& data) {
    const std::string& folder = data.folders[split_];
    look(folder, name_of(split_), [&] { read_class_names(folder); });
  }

  void check_split(const ListData& data) {
    const std::string& file = data.files[split_];
    look(file, name_of(split_), [&] { read_list(file, data.options); });
  }

  void check_split(const CifarData& data) {
    for (const std::string& file : data.files[split_])
      look(file, name_of(split_), [&] { count_cifar_records(file, data.kind); });
  }

  void check_split(const NpyData& data) {
    const NpyArrays& arrays = data.arrays[split_];
    look(arrays.image);
    look(arrays.label);
    for (const NamedArray& input : arrays.inputs) look(input.place);
  }

  void look(const ArrayPlace& place) {
    look(place.file, name_of(split_), [&] {
      if (whole_)
        read_npy(place);
      else
        read_npy_header(place);
    });
  }

  void look(const std::string& file, const std::string& field, const std::function<void()>& read) {
    if (file.empty()) return;
    try {
      read();
    } catch (const Error& error) {
      if (error.kind != ErrorKind::data) throw;
      tell(field, error.message);
    }
  }

  // Of an archive that cannot be read each array would say the same.
  void tell(const std::string& field, const std::string& message) {
    const bool is_told = std::any_of(problems_.begin(), problems_.end(), [&](const FileProblem& problem) {
      return problem.field == field && problem.message == message;
    });
    if (!is_told) problems_.push_back({split_, field, message});
  }

  bool whole_;
  Split split_ = Split::train;
  std::vector<FileProblem> problems_;
};

class LabelCheck {
public:
  LabelCheck(const DataDescription& description, const LabelRange& range) : description_(description), range_(range) {}

  std::vector<FileProblem> check() {
    for (Split split : all_splits) {
      split_ = split;
      try {
        std::visit([this](const auto& source) { check_split(source); }, description_.source);
      } catch (const Error& error) {
        if (error.kind != ErrorKind::data) throw;
      }
    }
    return std::move(problems_);
  }

private:
  using Describe = std::function<std::string(int64_t sample)>;

  void check_split(const std::monostate&) {}
  void check_split(const FolderData&) {} // classes are named, and so within what the network was checked for

  void check_split(const IdxData& idx) {
    const std::string& file = idx.labels[split_];
    if (file.empty()) return;
    const std::vector<uint8_t> labels = read_idx_labels(file);
    judge({labels.begin(), labels.end()}, std::string(name_of(split_)) + "_labels", numbered(file));
  }

  void check_split(const ListData& data) {
    const std::string& file = data.files[split_];
    if (file.empty()) return;
    std::vector<std::string> names = description_.class_names;
    if (names.empty())
      names = find_class_names(read_list(data.files[Split::train], data.options), data.files[Split::train]);
    const FileListing listing = label_list(read_list(file, data.options), file, names);
    judge(listing.labels, name_of(split_), [&](int64_t sample) { return listing.paths[static_cast<size_t>(sample)]; });
  }

  void check_split(const CifarData& data) {
    for (const std::string& file : data.files[split_])
      judge(read_cifar_labels(file, data.kind), name_of(split_), numbered(file));
  }

  void check_split(const NpyData& data) {
    const NpyArrays& arrays = data.arrays[split_];
    if (!arrays.image.file.empty())
      judge(read_npy_labels(arrays.label), name_of(split_), numbered(name_of(arrays.label)));
  }

  static Describe numbered(const std::string& file) {
    return [file](int64_t sample) { return file + ": sample " + format_integer(sample); };
  }

  void judge(const std::vector<int32_t>& labels, const std::string& field, const Describe& describe) {
    std::string first;
    int64_t count = 0;
    for (size_t sample = 0; sample < labels.size(); ++sample)
      if (!range_.holds(labels[sample]) && count++ == 0)
        first = describe(static_cast<int64_t>(sample)) + range_.refusal(labels[sample]);
    if (count > 1) first += "; so have " + format_integer(count - 1) + " more";
    if (count > 0) problems_.push_back({split_, field, first});
  }

  const DataDescription& description_;
  const LabelRange& range_;
  Split split_ = Split::train;
  std::vector<FileProblem> problems_;
};

} // namespace

std::vector<FileProblem> find_file_problems(const DataDescription& description, FileDepth depth) {
  return FileCheck(depth).check(description);
}

std::vector<FileProblem> find_label_problems(const DataDescription& description, const LabelRange& range) {
  return LabelCheck(description, range).check();
}

} // namespace kiln::runtime
