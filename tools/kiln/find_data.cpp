// What kind of data a folder holds: told by names, and by what is inside where names leave it open.
#include "find_data.h"

#include "frontend/describe_data.h"
#include "runtime/cifar_reader.h"
#include "runtime/error.h"
#include "runtime/folder_reader.h"
#include "runtime/list_reader.h"
#include "runtime/npy_reader.h"
#include "runtime/open_data.h"
#include "runtime/zip_reader.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace kiln::tools {

namespace {

using runtime::Split;
namespace fs = std::filesystem;

constexpr int64_t kLookedAt = 500; // files whose sizes are read

[[noreturn]] void fail(const std::string& message) { throw runtime::Error(runtime::ErrorKind::data, message); }

// ---- What a name says.

enum class Content : uint8_t { unknown, images, labels };

struct NameFacts {
  std::optional<Split> split;
  Content content = Content::unknown;
  bool is_plain = true; // of known words alone
};

// x_train, train-images-idx3-ubyte, t10k_labels, validation.
NameFacts read_name(const std::string& name) {
  NameFacts facts;
  std::string word;
  const auto take_word = [&] {
    const auto is_one_of = [&](std::initializer_list<const char*> words) {
      return std::find(words.begin(), words.end(), word) != words.end();
    };
    if (is_one_of({"train", "training"}))
      facts.split = Split::train;
    else if (is_one_of({"val", "valid", "validation"}))
      facts.split = Split::validation;
    else if (is_one_of({"test", "testing", "t10k"}))
      facts.split = Split::test;
    else if (is_one_of({"x", "image", "images", "data"}))
      facts.content = Content::images;
    else if (is_one_of({"y", "label", "labels", "target", "targets"}))
      facts.content = Content::labels;
    else if (!is_one_of({"", "idx", "idx1", "idx3", "idx4", "ubyte"}))
      facts.is_plain = false;
    word.clear();
  };
  for (const char c : name) {
    if (c == '_' || c == '-' || c == '.')
      take_word();
    else
      word += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  take_word();
  return facts;
}

// ---- What is in the folder.

struct Entry {
  std::string name;
  std::string path;
};

struct Listing {
  std::vector<Entry> directories;
  std::vector<Entry> files;
};

Listing list_entries(const std::string& folder) {
  Listing listing;
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    Entry found{entry->path().filename().string(), entry->path().string()};
    if (found.name.starts_with(".")) continue;
    std::error_code ignored;
    (entry->is_directory(ignored) ? listing.directories : listing.files).push_back(std::move(found));
  }
  if (problem) fail(fmt::format("cannot read the directory {}: {}", folder, problem.message()));
  const auto by_name = [](const Entry& a, const Entry& b) { return a.name < b.name; };
  std::sort(listing.directories.begin(), listing.directories.end(), by_name);
  std::sort(listing.files.begin(), listing.files.end(), by_name);
  return listing;
}

// One thing a split: a second one is more than can be guessed.
class Choice {
public:
  explicit Choice(std::string what) : what_(std::move(what)) {}

  void take(Split split, const std::string& value) {
    std::string& taken = values_[split];
    if (!taken.empty())
      fail(fmt::format("both {} and {} could be {} of {}: write the experiment's data section by hand", taken, value,
                       what_, runtime::name_of(split)));
    taken = value;
  }
  const std::string& operator[](Split split) const { return values_[split]; }

private:
  std::string what_;
  runtime::PerSplit<std::string> values_;
};

bool find_cifar(const std::string& folder, proto::Data& data) {
  using runtime::CifarKind;
  if (!runtime::find_cifar_files(folder, CifarKind::cifar10, Split::train).empty()) {
    data.mutable_cifar()->set_folder(folder);
    return true;
  }
  const auto files = runtime::find_cifar_files(folder, CifarKind::cifar100_fine, Split::train);
  if (files.empty()) return false;
  data.mutable_cifar()->set_folder(folder);
  data.mutable_cifar()->set_kind(proto::Cifar::CIFAR100);
  return true;
}

bool find_idx(const Listing& listing, proto::Data& data) {
  Choice images("the images"), labels("the labels");
  for (const Entry& file : listing.files) {
    const std::string name = file.name.ends_with(".gz") ? file.name.substr(0, file.name.size() - 3) : file.name;
    const NameFacts facts = read_name(name);
    if (!facts.split || !facts.is_plain) continue;
    if (facts.content == Content::images) images.take(*facts.split, file.path);
    if (facts.content == Content::labels) labels.take(*facts.split, file.path);
  }
  if (images[Split::train].empty() || labels[Split::train].empty()) return false;
  proto::Idx& idx = *data.mutable_idx();
  idx.set_train_images(images[Split::train]);
  idx.set_train_labels(labels[Split::train]);
  if (images[Split::test].empty() || labels[Split::test].empty())
    fail(fmt::format("{}: there are no images and labels to test with beside it (t10k-images-idx3-ubyte and "
                     "t10k-labels-idx1-ubyte), which IDX data must have",
                     images[Split::train]));
  idx.set_test_images(images[Split::test]);
  idx.set_test_labels(labels[Split::test]);
  return true;
}

proto::NpzPart& part_of(proto::Npz& npz, Split split) {
  switch (split) {
  case Split::train:
    return *npz.mutable_train();
  case Split::validation:
    return *npz.mutable_validation();
  case Split::test:
    break;
  }
  return *npz.mutable_test();
}

// N x C x H x W rather than N x H x W x C.
bool is_channels_first(const runtime::ArrayPlace& images) {
  const auto dims = runtime::read_npy_header(images).dims;
  const auto is_channels = [](int64_t size) { return size == 1 || size == 3; };
  return dims.size() == 4 && is_channels(dims[1]) && !is_channels(dims[3]);
}

bool find_arrays(const std::vector<Entry>& files, proto::Data& data) {
  Choice archives("the archive"), images("the images"), labels("the labels");
  for (const Entry& file : files) {
    if (file.name.ends_with(".npz")) {
      const Split of_file = read_name(file.name.substr(0, file.name.size() - 4)).split.value_or(Split::train);
      const runtime::ZipFile archive(file.path);
      for (const auto& member : archive.members()) {
        const std::string array = member.name.substr(0, member.name.rfind(".npy"));
        const NameFacts facts = read_name(array);
        const Split split = facts.split.value_or(of_file);
        if (!facts.is_plain || facts.content == Content::unknown) continue;
        (facts.content == Content::images ? images : labels).take(split, array);
        if (archives[split].empty()) archives.take(split, file.path);
      }
    } else if (file.name.ends_with(".npy")) {
      const NameFacts facts = read_name(file.name.substr(0, file.name.size() - 4));
      if (!facts.is_plain || facts.content == Content::unknown) continue;
      (facts.content == Content::images ? images : labels).take(facts.split.value_or(Split::train), file.path);
    }
  }
  if (images[Split::train].empty() || labels[Split::train].empty()) return false;
  for (Split split : runtime::all_splits) {
    if (images[split].empty() || labels[split].empty()) continue;
    proto::NpzPart& part = part_of(*data.mutable_npz(), split);
    if (!archives[split].empty()) part.set_file(archives[split]);
    part.set_image(images[split]);
    part.set_label(labels[split]);
  }
  const runtime::ArrayPlace place = archives[Split::train].empty()
                                        ? runtime::ArrayPlace{images[Split::train], ""}
                                        : runtime::ArrayPlace{archives[Split::train], images[Split::train]};
  if (is_channels_first(place)) data.mutable_npz()->set_channels_first(true);
  return true;
}

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Whether the first line of a list names columns. Throws where neither that line nor the next names a file.
bool has_header(const std::string& file) {
  const auto lines = runtime::read_list(file, {});
  if (is_file(lines[0].path)) return false;
  if (lines.size() > 1 && is_file(lines[1].path)) return true;
  const runtime::ListLine& line = lines[lines.size() > 1 ? 1 : 0];
  fail(fmt::format("{}:{}: no file {}: a line is path,label, and paths begin at the list's directory", file, line.line,
                   line.path));
}

bool is_list_name(const std::string& name) {
  return name.ends_with(".csv") || name.ends_with(".txt") || name.ends_with(".lst");
}

bool find_lists(const std::vector<Entry>& files, proto::Data& data) {
  Choice lists("the list");
  for (const Entry& file : files) {
    if (!is_list_name(file.name)) continue;
    const NameFacts facts = read_name(file.name.substr(0, file.name.size() - 4));
    // Any name will do where there is but one file.
    if (facts.split && (facts.is_plain || files.size() == 1))
      lists.take(*facts.split, file.path);
    else if (files.size() == 1)
      lists.take(Split::train, file.path);
  }
  if (lists[Split::train].empty()) return false;
  proto::List& list = *data.mutable_list();
  list.set_train(lists[Split::train]);
  if (!lists[Split::validation].empty()) list.set_validation(lists[Split::validation]);
  if (!lists[Split::test].empty()) list.set_test(lists[Split::test]);
  if (has_header(list.train())) list.set_header(true);
  return true;
}

bool holds_images(const Entry& directory) { return !runtime::find_images(directory.path).empty(); }

// The one directory that holds all the data, by another name than a split's: an archive unpacked makes one around its
// own, annotations and the like beside it. Null if there is none.
const Entry* find_inner(const Listing& listing) {
  const Entry* inner = nullptr;
  if (listing.directories.size() == 1) {
    inner = &listing.directories[0];
  } else {
    for (const Entry& directory : listing.directories) {
      if (!holds_images(directory)) continue;
      if (inner != nullptr) return nullptr;
      inner = &directory;
    }
  }
  const bool is_inner =
      inner != nullptr && !read_name(inner->name).split && !list_entries(inner->path).directories.empty();
  return is_inner ? inner : nullptr;
}

// Whether at least half of the directories hold images: then the others are classes without any, not something else.
bool holds_classes(const std::string& folder, size_t least_classes) {
  std::vector<std::string> names;
  for (const Entry& directory : list_entries(folder).directories) names.push_back(directory.name);
  if (names.empty()) return false;
  std::vector<runtime::DataProblem> ignored;
  const runtime::FileListing images = runtime::read_image_folder(folder, names, ignored);
  size_t classes = 0;
  for (size_t i = 0; i < images.labels.size(); ++i)
    if (i == 0 || images.labels[i] != images.labels[i - 1]) ++classes;
  return classes >= least_classes && 2 * classes >= names.size();
}

bool find_class_directories(const std::string& folder, const Listing& listing, size_t least_classes, proto::Data& data,
                            std::vector<runtime::DataProblem>& problems) {
  Choice splits("the directory");
  for (const Entry& directory : listing.directories) {
    const NameFacts facts = read_name(directory.name);
    if (facts.split && facts.content == Content::unknown && facts.is_plain) splits.take(*facts.split, directory.path);
  }
  if (splits[Split::train].empty()) {
    if (!holds_classes(folder, least_classes)) return false;
    data.mutable_folder()->set_train(folder);
    return true;
  }
  if (!holds_classes(splits[Split::train], least_classes)) return false;
  proto::Folder& directories = *data.mutable_folder();
  directories.set_train(splits[Split::train]);
  for (Split split : {Split::validation, Split::test}) {
    if (splits[split].empty()) continue;
    const std::vector<Entry> classes = list_entries(splits[split]).directories;
    if (std::none_of(classes.begin(), classes.end(), holds_images))
      problems.push_back({true, fmt::format("{}: not used: there are no images in directories of classes, as in {}",
                                            splits[split], directories.train())});
    else if (split == Split::validation)
      directories.set_validation(splits[split]);
    else
      directories.set_test(splits[split]);
  }
  return true;
}

// ".webp", if a file anywhere below ends in that or the like: images, but of a format that is not read.
std::string find_other_images(const std::string& folder) {
  std::error_code problem;
  for (fs::recursive_directory_iterator entry(folder, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    const std::string ending = runtime::ending_of(entry->path().filename().string());
    for (const char* other : {"bmp", "gif", "webp", "tif", "tiff", "heic", "avif", "jp2", "jxl"})
      if (ending == other) return "." + ending;
  }
  return {};
}

[[noreturn]] void fail_to_find(const std::string& place, const Listing& listing) {
  std::string there;
  const auto tell = [&](const std::vector<Entry>& entries, const char* one, const char* many) {
    if (entries.empty()) return;
    if (!there.empty()) there += " and ";
    there += fmt::format("{} {} ({}{})", entries.size(), entries.size() == 1 ? one : many, entries.front().name,
                         entries.size() == 1 ? "" : ", ...");
  };
  tell(listing.directories, "directory", "directories");
  tell(listing.files, "file", "files");
  std::string hint;
  for (const Entry& file : listing.files)
    if (file.name == "data_batch_1" || file.name == "batches.meta")
      hint = "; this is CIFAR's Python version: take its binary version";
  if (const std::string ending = find_other_images(place); !ending.empty())
    hint += fmt::format("; files that end in {} are not read: make them PNG or JPEG", ending);
  throw runtime::Error(
      runtime::ErrorKind::data,
      fmt::format("{} holds no data set that is known: there {} {}{}. Known are a directory of images for each class "
                  "({}/cat/1.jpg), train, validation and test directories of those, lists (train.csv with path,label), "
                  "CIFAR's binary files, IDX files as of MNIST, and NumPy arrays (.npz)",
                  place, listing.directories.size() + listing.files.size() == 1 ? "is" : "are",
                  there.empty() ? "no files" : there, hint, place));
}

proto::Data find_source(const std::string& place, std::vector<runtime::DataProblem>& problems) {
  proto::Data data;
  std::error_code ignored;
  const fs::file_status status = fs::status(place, ignored);
  if (!fs::exists(status)) fail(fmt::format("{}: no such file or directory", place));
  if (!fs::is_directory(status)) {
    const Entry file{fs::path(place).filename().string(), place};
    if (file.name.ends_with(".npz") ? find_arrays({file}, data) : is_list_name(file.name) && find_lists({file}, data))
      return data;
    fail(fmt::format(
        "{}: expected a folder, a list that ends in .csv or .txt, or an .npz archive with images and labels "
        "(x_train and y_train, or image and label)",
        place));
  }
  const Listing listing = list_entries(place);
  if (find_cifar(place, data) || find_idx(listing, data) || find_arrays(listing.files, data)) return data;
  if (const Entry* inner = find_inner(listing)) return find_source(inner->path, problems);
  // One directory of images beside a list is what the list names.
  if (find_class_directories(place, listing, 2, data, problems) || find_lists(listing.files, data) ||
      find_class_directories(place, listing, 1, data, problems))
    return data;
  fail_to_find(place, listing);
}

// ---- What the data are like.

void look_at_sizes(const runtime::DataSource& source, FoundData& found) {
  const int64_t count = found.is_of_files ? std::min(source.size(), kLookedAt) : 1;
  std::vector<int64_t> sides;
  std::vector<double> aspects;
  for (int64_t i = 0; i < count; ++i) {
    try {
      const runtime::ImageShape shape = source.stored_shape(i * source.size() / count);
      if (sides.empty()) found.least = found.most = shape;
      found.least = {std::min(found.least.height, shape.height), std::min(found.least.width, shape.width),
                     std::min(found.least.channels, shape.channels)};
      found.most = {std::max(found.most.height, shape.height), std::max(found.most.width, shape.width),
                    std::max(found.most.channels, shape.channels)};
      const auto [shorter, longer] = std::minmax(shape.height, shape.width);
      sides.push_back(shorter);
      aspects.push_back(static_cast<double>(longer) / static_cast<double>(shorter));
    } catch (const runtime::Error& error) {
      if (found.unreadable++ == 0) found.first_unreadable = error.message;
    }
  }
  if (sides.empty()) fail(fmt::format("none of the images can be read: {}", found.first_unreadable));
  const auto middle = static_cast<std::ptrdiff_t>(sides.size() / 2);
  std::nth_element(sides.begin(), sides.begin() + middle, sides.end());
  std::nth_element(aspects.begin(), aspects.begin() + middle, aspects.end());
  found.middle_side = sides[static_cast<size_t>(middle)];
  found.middle_aspect = aspects[static_cast<size_t>(middle)];
  found.is_grey = found.most.channels == 1;
}

} // namespace

std::string FoundData::class_name(size_t label) const {
  return label < class_names.size() ? class_names[label] : fmt::to_string(label);
}

FoundData find_data(const std::string& place) {
  FoundData found;
  std::vector<runtime::DataProblem> left_out;
  found.data = find_source(place, left_out);
  found.is_of_files = found.data.has_folder() || found.data.has_list();
  runtime::DataDescription description = frontend::describe_data(found.data);
  description.fit.target = {1, 1, 3}; // only sizes in files are asked for
  const runtime::DataSurvey survey = runtime::survey_data(description);
  found.samples = survey.samples;
  found.class_names = survey.class_names;
  found.problems = survey.problems;
  for (const runtime::DataProblem& problem : found.problems)
    if (!problem.is_warning) fail(problem.message);
  found.problems.insert(found.problems.begin(), left_out.begin(), left_out.end());
  if (found.samples[Split::train] == 0) fail(fmt::format("{}: there is nothing to train on", place));

  const runtime::DataSplits data = runtime::open_data(description);
  const runtime::DataSource& source = *data[Split::train];
  constexpr int64_t most_classes = 100'000;
  source.check_labels({most_classes, std::nullopt});
  found.class_counts.resize(found.class_names.size());
  for (int64_t sample = 0; sample < source.size(); ++sample) {
    const auto label = static_cast<size_t>(source.read_class(sample));
    if (label >= found.class_counts.size()) found.class_counts.resize(label + 1);
    ++found.class_counts[label];
  }
  const auto seen = std::find_if(found.class_counts.begin(), found.class_counts.end(), [](int64_t n) { return n > 0; });
  if (*seen == source.size())
    fail(fmt::format("{}: there are images of one class only ({}): a network learns to tell at least two apart", place,
                     found.class_name(static_cast<size_t>(seen - found.class_counts.begin()))));
  look_at_sizes(source, found);
  return found;
}

} // namespace kiln::tools
